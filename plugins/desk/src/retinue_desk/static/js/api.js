// The one way in which the desk changes anything: the public API.
import { proveAgain } from "./proof.js";
import { signInAgain } from "./sign.js";
import { say } from "./words.js";

export async function call(method, path, body, { version = null, key = null, again = true } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined && body !== null && !(body instanceof FormData)) headers["Content-Type"] = "application/json";
  if (version !== null) headers["If-Match"] = `"v${version}"`;
  if (key !== null) headers["Idempotency-Key"] = key;
  const sent = body instanceof FormData ? body : body === undefined || body === null ? undefined : JSON.stringify(body);
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: sent, credentials: "same-origin" });
  } catch {
    return { ok: false, status: 0, data: { detail: say("offline") } };
  }
  if (answer.status === 401 && again && !path.includes("/sessions")) {
    if (await signInAgain()) return call(method, path, body, { version, key, again: false });
  }
  const text = await answer.text();
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    data = { detail: say("failed") };
  }
  if (answer.status === 403 && again && data?.type?.endsWith(":proof-required")) {
    if (await proveAgain()) return call(method, path, body, { version, key, again: false });
  }
  return { ok: answer.ok, status: answer.status, data, etag: answer.headers.get("ETag") };
}

export function sentence(problem) {
  const parts = [problem?.detail, ...(problem?.errors ?? []).map((e) => e.detail), problem?.remedy];
  return parts.filter(Boolean).join(" ") || say("failed");
}

export async function revert(changeSet) {
  const { toast } = await import("./toast.js");
  const answer = await call("POST", `/api/v1/change-sets/${changeSet}/revert`);
  if (answer.ok) {
    document.dispatchEvent(new CustomEvent("desk:changed"));
    toast(say("undone"));
  } else toast(sentence(answer.data), { kind: "fault" });
  return answer.ok;
}

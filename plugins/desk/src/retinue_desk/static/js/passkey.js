// Passkeys: the browser's own ceremonies, between the API's options and its answers.
export const able = () => typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === "function";

export async function make(options) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return finished(() => navigator.credentials.create({ publicKey }));
}

export async function present(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return finished(() => navigator.credentials.get({ publicKey }));
}

// A person who turns away is no error: null.
async function finished(ceremony) {
  try {
    return (await ceremony())?.toJSON() ?? null;
  } catch (error) {
    if (["NotAllowedError", "AbortError", "InvalidStateError", "SecurityError"].includes(error.name)) return null;
    throw error;
  }
}

for (const button of document.querySelectorAll("[data-needs-passkeys]")) button.hidden = !able();

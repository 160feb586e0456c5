"""All commands on one page: name, where it is written, one line of help. Nothing is imported to read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Leaf(NamedTuple):
    """A command: the module below `retinue.cli` and the name in it, and its line in the list."""

    target: str
    help: str


class Branch(NamedTuple):
    """A group of commands."""

    help: str
    commands: Mapping[str, Leaf]


COMMANDS: Mapping[str, Leaf | Branch] = {
    "init": Leaf("init:init", "Make an installation in a folder, with its first administrator."),
    "demo": Leaf("demo:demo", "Make an installation with made-up contacts and serve it."),
    "serve": Leaf("serve:serve", "Answer HTTP."),
    "worker": Leaf("serve:worker", "Work on jobs."),
    "db": Branch(
        "Bring the database to the code's schema, or look at it.",
        {
            "upgrade": Leaf("db:upgrade", "Bring the database to the schema of the installed code."),
            "status": Leaf("db:status", "Show the schema level of core and of each plugin."),
            "check": Leaf("db:check", "Look for damage: schema, keys, audit chain."),
        },
    ),
    "user": Branch(
        "Accounts of the people who work here.",
        {
            "add": Leaf("user:add", "Add an account; the password is asked for or made."),
            "list": Leaf("user:show_all", "List accounts."),
            "deactivate": Leaf(
                "user:deactivate", "Take an account out of service at once, with its sessions."
            ),
            "password": Leaf("user:password", "Set an account's password."),
            "reset-link": Leaf("user:reset_link", "Make a link that sets a new password."),
            "reset-factors": Leaf("user:reset_factors", "Take away lost second factors."),
            "sessions": Leaf("user:show_sessions", "List where an account is signed in."),
            "sign-out": Leaf("user:sign_out", "End all sessions and tokens of an account."),
            "hand-over": Leaf("user:hand_over", "Give one account's contacts to another."),
        },
    ),
    "team": Branch(
        "Teams.",
        {
            "list": Leaf("team:show_all", "List teams."),
            "add": Leaf("team:add", "Add a team."),
            "join": Leaf("team:join", "Put an account into a team."),
            "leave": Leaf("team:leave", "Take an account out of a team."),
        },
    ),
    "role": Branch(
        "Roles: sets of permissions, each reaching own, team or all rows.",
        {
            "list": Leaf("role:show_all", "List roles and what they permit."),
            "add": Leaf("role:add", "Add a role."),
            "grant": Leaf("role:grant", "Give a role to an account."),
            "revoke": Leaf("role:revoke", "Take a role from an account."),
        },
    ),
    "token": Branch(
        "API tokens.",
        {
            "create": Leaf("token:create", "Make a token; it is printed once."),
            "list": Leaf("token:show_all", "List tokens, without their secrets."),
            "revoke": Leaf("token:revoke", "End a token now."),
        },
    ),
    "provider": Branch(
        "Outside services people sign in with.",
        {
            "list": Leaf("provider:show_all", "List them."),
            "add": Leaf("provider:add", "Add one; its secret is asked for."),
            "remove": Leaf("provider:remove", "Remove one; links stay."),
            "link": Leaf("provider:link", "Say who an account is there."),
        },
    ),
    "approval": Branch(
        "Deeds that wait for a second person.",
        {
            "list": Leaf("approval:show_all", "List what waits and what was decided."),
            "approve": Leaf("approval:approve", "Allow somebody else's deed."),
            "refuse": Leaf("approval:refuse", "Refuse somebody else's deed."),
        },
    ),
    "contacts": Branch(
        "People and organisations.",
        {
            "list": Leaf("contacts:show_all", "List contacts, filtered and sorted."),
            "show": Leaf("contacts:show", "Show one contact with its timeline."),
            "add": Leaf("contacts:add", "Add a contact."),
        },
    ),
    "interactions": Branch(
        "What happened with a contact.",
        {"add": Leaf("interactions:add", "Record an interaction.")},
    ),
    "views": Branch(
        "Saved views: a name for a filter, columns and an order.",
        {
            "list": Leaf("views:show_all", "List saved views."),
            "show": Leaf("views:show", "Show what a view selects."),
            "run": Leaf("views:run", "List the contacts of a view."),
        },
    ),
    "audit": Branch(
        "Who did what, when.",
        {
            "verify": Leaf("audit:verify", "Check the audit chain for removed or changed entries."),
            "show": Leaf("audit:show", "Show audit entries, newest first."),
            "reads": Leaf("audit:reads", "Say what an account looked at and exported."),
        },
    ),
    "privacy": Branch(
        "Personal data: where they are, and a person's copy.",
        {
            "check": Leaf("privacy:check", "Look for tables about persons that nobody declares."),
            "registry": Leaf("privacy:registry", "List every column with personal data."),
            "copy": Leaf("privacy:copy", "Print everything that is kept about a contact, as JSON."),
        },
    ),
    "keys": Branch(
        "The master key and the data keys it wraps.",
        {
            "rotate": Leaf("keys:rotate", "Take a new master key and wrap every data key anew."),
            "status": Leaf("keys:status", "Show how many data keys there are, and under which master key."),
        },
    ),
    "plugins": Branch(
        "Plugins.",
        {
            "list": Leaf("plugins:show_all", "List installed plugins and their state."),
            "info": Leaf("plugins:info", "Show what a plugin is and contributes."),
            "enable": Leaf("plugins:enable", "Enable an installed plugin."),
            "disable": Leaf("plugins:disable", "Disable a plugin; its data stay."),
            "settings": Leaf("plugin_settings:show", "Show what can be set for a plugin and what is set."),
            "set": Leaf("plugin_settings:change", "Set values for a plugin."),
            "approve": Leaf("watching:approve", "Agree to what an upgraded plugin newly wants to do."),
            "resume": Leaf("watching:resume", "End the quarantine of a plugin that failed too often."),
            "top": Leaf("watching:top", "Show what each plugin's hooks took, the slowest first."),
            "processes": Leaf("watching:processes", "List processes with the plugins each has."),
            "plan": Leaf("plugin_life:plan", "Show everything an action on a plugin would touch."),
            "apply": Leaf("plugin_life:apply", "Do exactly what a kept plan says."),
            "install": Leaf("plugin_life:install", "Make a plugin's tables without enabling it."),
            "upgrade": Leaf("plugin_life:upgrade", "Bring a plugin to the code that is installed now."),
            "uninstall": Leaf("plugin_life:uninstall", "Export a plugin's data and take them away."),
            "import": Leaf("plugin_life:bring_back", "Bring an uninstalled plugin's data back."),
            "bisect": Leaf("plugin_bisect:bisect", "Find the plugin with which a command fails."),
            "new": Leaf("kit:new", "Make a plugin that works, to be changed."),
            "check": Leaf("kit:check", "Say what in a plugin breaks a rule; its code is not run."),
            "modernise": Leaf("kit:modernise", "Bring an older plugin to the shape of today's."),
            "verify": Leaf("kit:verify", "Compare installed plugins with what their wheels brought."),
            "grade": Leaf("kit:grade", "Grade a plugin: bronze, silver or gold."),
        },
    ),
    "upgrade": Branch(
        "Before core is upgraded.",
        {
            "check": Leaf("upgrade:check", "Name the plugins that use what another version of core changed."),
            "api": Leaf("upgrade:api", "Print the public API of this core as JSON."),
        },
    ),
    "hooks": Branch(
        "Hooks: where plugins answer.",
        {
            "list": Leaf("hooks:show_all", "List hooks with mode, phase and what a failure does."),
            "order": Leaf("hooks:order", "Show which plugins answer a hook, in order."),
            "explain": Leaf("hooks:explain", "Say which plugins had to do with a stored or refused change."),
        },
    ),
    "jobs": Branch(
        "Work after commit.",
        {
            "list": Leaf("jobs:show_all", "List jobs by state."),
            "show": Leaf("jobs:show", "Show one job, with the traceback of a failed one."),
            "replay": Leaf("jobs:replay", "Run a job that was set aside again."),
            "stop": Leaf("jobs:stop", "Stop a waiting or running job."),
        },
    ),
    "completion": Leaf("completion:completion", "Print the shell's completion script."),
}

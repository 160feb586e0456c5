"""Teams: people who work on the same contacts. A lead may change the own team, the permission for all
every team.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import func, select

from retinue.access.models import Account, Team, TeamMember
from retinue.actor import Reach
from retinue.errors import Conflict, Denied, Invalid, NotFound, Problem
from retinue.storage import Store, fold


def list_teams(store: Store) -> list[Team]:
    """Return the teams the actor may see: the own ones, or all."""
    reach = store.require("team.read")
    statement = select(Team).order_by(Team.name)
    if reach is not Reach.ALL:
        statement = statement.where(Team.id.in_(store.actor.team_ids))
    return store.scalars(statement)


def find_teams(store: Store, texts: Iterable[str]) -> dict[str, UUID]:
    """Return the teams that `texts` name, by text; case and accents do not matter."""
    store.require("contact.assign")
    named = {fold(name): team_id for team_id, name in store.rows(select(Team.id, Team.name))}
    return {text: named[fold(text)] for text in texts if fold(text) in named}


def get_team(store: Store, team_id: UUID) -> Team:
    """Return one team; NotFound for one beyond the actor's reach."""
    if store.require("team.read") is not Reach.ALL and team_id not in store.actor.team_ids:
        raise NotFound("There is no such team.")
    return store.get(Team, team_id)


def list_members(store: Store, team_id: UUID) -> list[tuple[TeamMember, Account]]:
    """Return the members of a team with their accounts, leads first."""
    get_team(store, team_id)
    joined = select(TeamMember, Account).join(Account, Account.id == TeamMember.account_id)
    ordered = joined.where(TeamMember.team_id == team_id).order_by(TeamMember.is_lead.desc(), Account.name)
    return [(row.TeamMember, row.Account) for row in store.rows(ordered)]


def create_team(store: Store, name: str) -> Team:
    """Make a team without members."""
    store.require("team.create")
    _check_name(store, name, None)
    team = Team(name=name, created_at=store.now)
    store.add(team)
    store.flush()
    return team


def rename_team(store: Store, team_id: UUID, name: str) -> Team:
    """Give a team another name."""
    team = _changeable(store, team_id)
    _check_name(store, name, team_id)
    team.name = name
    store.flush()
    return team


def remove_team(store: Store, team_id: UUID) -> None:
    """Remove a team without members; the database keeps one that contacts still belong to."""
    store.require("team.remove")
    team = store.get(Team, team_id, lock=True)
    if store.count(select(TeamMember.id).where(TeamMember.team_id == team_id)):
        raise Conflict("The team has members.", code="in-use", remedy="Take them out first.")
    store.remove(team)
    store.flush()


def add_member(store: Store, team_id: UUID, account_id: UUID, *, lead: bool = False) -> TeamMember:
    """Put an active account into a team, or change whether it leads; twice is once."""
    _changeable(store, team_id)
    account = store.find(Account, account_id)
    if account is None or not account.is_active:
        raise Invalid(
            "There is no such account.",
            problems=[Problem("/account_id", "unknown or deactivated", "unknown")],
        )
    if lead and not _may_lead(store, team_id):
        raise Denied("Only a lead of this team may make leads.", code="lead-required")
    member = _member(store, team_id, account_id)
    if member is None:
        member = TeamMember(team_id=team_id, account_id=account_id, is_lead=lead)
        store.add(member)
    member.is_lead = lead
    store.flush()
    return member


def remove_member(store: Store, team_id: UUID, account_id: UUID) -> None:
    """Take an account out of a team."""
    _changeable(store, team_id)
    member = _member(store, team_id, account_id)
    if member is None:
        raise NotFound("The account is not in this team.")
    store.remove(member)
    store.flush()


def _changeable(store: Store, team_id: UUID) -> Team:
    """Return a team the actor may change: any with reach all, those led by the actor with less."""
    reach = store.require("team.change")
    if reach is not Reach.ALL:
        if team_id not in store.actor.team_ids:
            raise NotFound("There is no such team.")
        if not _may_lead(store, team_id):
            raise Denied(
                "Only a lead may change this team.", code="lead-required", remedy="Ask the team's lead."
            )
    return store.get(Team, team_id, lock=True)


def _may_lead(store: Store, team_id: UUID) -> bool:
    if store.actor.reach("team.change") is Reach.ALL:
        return True
    member = _member(store, team_id, store.actor.id) if store.actor.id else None
    return member is not None and member.is_lead


def _member(store: Store, team_id: UUID, account_id: UUID) -> TeamMember | None:
    both = (TeamMember.team_id == team_id) & (TeamMember.account_id == account_id)
    found: TeamMember | None = store.first(select(TeamMember).where(both))
    return found


def _check_name(store: Store, name: str, team_id: UUID | None) -> None:
    same = store.first(select(Team).where(func.lower(Team.name) == name.lower()))
    if same is not None and same.id != team_id:
        raise Conflict(
            f"There is a team named {same.name} already.", code="name-taken", extra={"id": str(same.id)}
        )

from retinue.actor import Actor, Reach
from retinue.storage import AuditEntry, ChangeSet, new_id, verify_audit, seal_audit
from retinue.contacts.models import Contact, ContactTag, Tag
from retinue.testing.fixtures import person
from sqlalchemy import select, func, update
import pytest
from retinue.errors import *
from retinue.storage.scoping import Refused

def make(store, name, owner, **more):
    c = Contact(name=name, sort_name=name, search_text=name, created_at=store.now, updated_at=store.now,
        access_id=store.access_set(owner, None), owner_id=owner, **more)
    store.add(c); return c

def test_smoke(database):
    me, other = person("contact.read=own","contact.change=own","contact.create=own"), person("contact.read=own","contact.create=own","contact.change=own")
    with database.store(me) as s:
        c = make(s, "A", me.id, emails=[{"value":"a@x"}]); s.flush(); cid=c.id
    with database.store(other) as s:
        make(s, "B", other.id)
        assert s.count(select(Contact)) == 1
        with pytest.raises(NotFound): s.get(Contact, cid)
        with pytest.raises(Refused): s.scalars(select(AuditEntry))
    with database.store(me) as s:
        c = s.get(Contact, cid); assert c.emails == [{"value":"a@x"}]
        c.emails = [{"value":"b@x"}]; c.city="Praha"
        assert s.scalars(select(Contact.name))==["A"]
    with database.store(me) as s:
        c = s.get(Contact, cid); assert c.emails == [{"value":"b@x"}] and c.version==2
        s.add(Tag(name="t",folded="t")); 
        with pytest.raises(Denied):
            with s.savepoint(): make(s,"C",other.id)
    with database.store(me, readonly=True) as s:
        s.get(Contact, cid)
    with database.store(Actor.system("x")) as s:
        es=s.scalars(select(AuditEntry).order_by(AuditEntry.turn)); print([(e.action,e.fields,e.turn) for e in es])
        assert s.count(select(Contact))==2
        assert seal_audit(s) in (0,1)
    with database.store(Actor.system("x")) as s:
        seal_audit(s); v=verify_audit(s); print(v); assert not v.faults
        s.insert_many(Contact,[dict(name=f"n{i}",kind="person",custom={},version=1,sort_name="x",search_text="x",created_at=s.now,updated_at=s.now,access_id=s.access_set(None,None),emails=[{"value":"q"}]) for i in range(3)])
        assert s.count(select(Contact))==5
    hid = person("contact.read","contact.change", hidden_fields=frozenset({"contact.city","contact.emails","contact.custom.rev"}))
    with database.store(hid) as s:
        c=s.get(Contact,cid); assert c.city is None and c.emails==[]
        assert s.rows(select(Contact.city).where(Contact.city=="Praha"))==[]
        c.job_title="x"
    with database.store(me) as s:
        c=s.get(Contact,cid); assert c.city=="Praha" and c.emails and c.job_title=="x"

"""Notes by FastAPI and SQLAlchemy on SQLite, as they are often written: a JSON Web Token says who asks, and everybody has their own."""

import os
import uuid
from datetime import datetime, timezone

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import String, event, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SECRET = os.environ["NOTES_SECRET"]
engine = create_async_engine(os.environ["NOTES_DATABASE"])
sessions = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()
bearer = HTTPBearer()


@event.listens_for(engine.sync_engine, "connect")
def write_ahead(connection, _):
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.close()


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    owner: Mapped[str] = mapped_column(String(36), index=True)
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str]
    created: Mapped[str]
    updated: Mapped[str]


class New(BaseModel):
    title: str = Field(max_length=200)
    body: str = Field(default="", max_length=10000)


class Change(BaseModel):
    title: str | None = Field(default=None, max_length=200)
    body: str | None = Field(default=None, max_length=10000)


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    owner: str
    title: str
    body: str
    created: str
    updated: str


def actor(credentials: HTTPAuthorizationCredentials = Depends(bearer)) -> str:
    try:
        return jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"])["sub"]
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error


async def session():
    async with sessions() as opened:
        yield opened


def now() -> str:
    return datetime.now(timezone.utc).isoformat()


async def own(session: AsyncSession, note_id: str, owner: str) -> Note:
    note = await session.scalar(select(Note).where(Note.id == note_id, Note.owner == owner))
    if note is None:
        raise HTTPException(404)
    return note


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    return {"status": "ok"}


@app.post("/notes", status_code=201)
async def create(new: New, owner: str = Depends(actor), session: AsyncSession = Depends(session)) -> Shown:
    note = Note(id=str(uuid.uuid4()), owner=owner, title=new.title, body=new.body, created=now(), updated=now())
    session.add(note)
    await session.commit()
    return Shown.model_validate(note)


@app.get("/notes/{note_id}")
async def get(note_id: str, owner: str = Depends(actor), session: AsyncSession = Depends(session)) -> Shown:
    return Shown.model_validate(await own(session, note_id, owner))


@app.get("/notes")
async def list_notes(
    limit: int = Query(default=20, le=100), owner: str = Depends(actor), session: AsyncSession = Depends(session)
) -> list[Shown]:
    found = await session.scalars(select(Note).where(Note.owner == owner).order_by(Note.id.desc()).limit(limit))
    return [Shown.model_validate(note) for note in found]


@app.patch("/notes/{note_id}")
async def patch(
    note_id: str, change: Change, owner: str = Depends(actor), session: AsyncSession = Depends(session)
) -> Shown:
    note = await own(session, note_id, owner)
    for name, value in change.model_dump(exclude_unset=True).items():
        setattr(note, name, value)
    note.updated = now()
    await session.commit()
    return Shown.model_validate(note)

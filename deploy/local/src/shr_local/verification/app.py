"""``POST /verify-and-get-data`` as the national service answers it, over ``rules``."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from fastapi import Body, FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from shr_local.keys import ensure
from shr_local.operations import new_app
from shr_local.paths import Home
from shr_local.verification.memory import Memory
from shr_local.verification.rules import Citizen, Verdict, citizen_of, forms_of, judge

REFUSALS = {
    Verdict.MALFORMED: (400, "malformed", "This is not a well-formed number of its type."),
    Verdict.UNKNOWN: (404, "not-found", "No person has this number."),
    Verdict.DOWN: (503, "unavailable", "The register does not answer."),
}


class Question(BaseModel):
    """Who asks about which number, and what the person says of herself. ``dob`` is a date, as text, and is echoed."""

    model_config = ConfigDict(populate_by_name=True, extra="ignore")

    performer: str | None = None
    number: str = Field(alias="nidOrBrn")
    type: Literal["nid", "brn"]
    name: str | None = None
    name_bangla: str | None = Field(None, alias="nameBangla")
    dob: str | None = None
    gender: str | None = None
    mobile: str | None = None


def create_app(home: Home | None = None) -> FastAPI:
    """The service; its memory lies in the data folder of ``home``."""
    home = home or Home.from_environment()
    ensure(home.keys)
    memory = Memory(home.data / "verification.lines", (home.keys / "verification.key").read_bytes())
    app = new_app("Development verification service (stands in for the national NID and BRN service)")

    @app.post("/verify-and-get-data")
    async def verify_and_get_data(question: Annotated[Question, Body()]) -> JSONResponse:
        """200 with the person and the forms of the number; 400 malformed, 404 unknown, 503 down."""
        verdict = judge(question.type, question.number)
        if verdict in REFUSALS:
            status, error, message = REFUSALS[verdict]
            return JSONResponse({"error": error, "message": message}, status_code=status)
        asked = Citizen(question.name, question.name_bangla, question.dob, question.gender)
        citizen = citizen_of(question.number, asked)
        forms = None
        if question.type == "nid":
            forms = forms_of(question.number, citizen.birth_date, memory.recall(question.number[-10:]))
            memory.tell(forms)
        return JSONResponse(
            {
                "verifyToken": secrets.token_urlsafe(24),
                "citizenData": {
                    "name": citizen.name,
                    "nameBangla": citizen.name_bangla,
                    "dob": citizen.birth_date,
                    "gender": citizen.gender,
                },
                "nid": forms,
            }
        )

    return app

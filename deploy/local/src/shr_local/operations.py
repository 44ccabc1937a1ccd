"""What every process of the stack answers beside its work: health, metrics, its routes to read."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


def new_app(title: str) -> FastAPI:
    """An app of a development double: health, ``/metrics`` and ``/docs`` without a foreign host."""
    app = FastAPI(title=title, version="0.1.0", docs_url=None, redoc_url=None)
    app.include_router(_router(title))
    assets = next(Path(str(files("swagger_ui_bundle"))).glob("vendor/swagger-ui-[45]*"))
    app.mount("/docs/assets", StaticFiles(directory=assets), name="docs-assets")
    return app


def _router(title: str) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        """The process answers."""
        return {"status": "live"}

    @router.get("/health/ready")
    async def ready() -> dict[str, str]:
        """It depends on nothing, so it is ready when it answers."""
        return {"status": "ready"}

    @router.get("/metrics")
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """The routes, to read and try."""
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=title,
            swagger_js_url="/docs/assets/swagger-ui-bundle.js",
            swagger_css_url="/docs/assets/swagger-ui.css",
            swagger_favicon_url="/docs/assets/favicon-32x32.png",
        )

    return router

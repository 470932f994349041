//! Placeholder
use utoipa_axum::router::OpenApiRouter;

use crate::app::SharedApp;

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
}

//! Ended authority ends terminals. Hooks do it at once where they are; this finds the
//! rest within a second. Recordings that are too old go, too.

use std::time::Duration;

use http::StatusCode;
use protocol::id::WebshSessionId;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::now;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::end::End;
use super::{open, recorder};
use crate::app::SharedApp;
use crate::gate::{Operation, Standing};
use crate::http::{ApiResult, PublicCtx};

const TICK: Duration = Duration::from_millis(500);
/// How often old recordings are looked for, and how many at once.
const SWEEP: Duration = Duration::from_secs(60);
const SWEPT: u64 = 100;

/// Runs until the server drains.
pub(crate) async fn run(app: SharedApp) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut swept = Instant::now();
    loop {
        ticks.tick().await;
        // Many terminals rest on the same: each footing is asked about once.
        let mut standing = Standing::default();
        for live in app.websh.all() {
            let bond = &live.bond;
            let websh = Operation::Websh;
            if !standing.of(&app, bond.workspace, websh, bond.footing).await {
                live.end(End::AuthorityEnded);
                continue;
            }
            for footing in live.footings() {
                if !standing.of(&app, bond.workspace, websh, footing).await {
                    live.cut_off(|other| *other == footing);
                }
            }
        }
        if swept.elapsed() >= SWEEP {
            swept = Instant::now();
            sweep(&app).await;
        }
    }
}

/// Removes recordings that are too old.
async fn sweep(app: &SharedApp) {
    let Some(retention) = app.config.websh.retention() else {
        return;
    };
    for workspace in app.workspaces.all() {
        let ctx = PublicCtx::internal(app.clone(), workspace);
        let old = ctx
            .tenant()
            .websh()
            .outlived(now() - retention, SWEPT)
            .await;
        let old = old.unwrap_or_else(|error| {
            tracing::warn!(%error, "old recordings could not be looked for");
            Vec::new()
        });
        for row in old {
            if let Err(error) = purge(&ctx, WebshSessionId(row.id)).await {
                tracing::warn!(detail = error.detail, "a recording was not removed");
            }
        }
    }
}

async fn purge(ctx: &PublicCtx, id: WebshSessionId) -> ApiResult<()> {
    let unit = ctx.begin().await?;
    if !unit.tenant().websh().purge(id).await? {
        return Ok(());
    }
    unit.audit(AuditRecord {
        actor: Actor::system(),
        ip: String::new(),
        app: open::SOURCE,
        model: "websh_recording",
        object_id: Some(id.0),
        action: "purge",
        status_code: StatusCode::OK.as_u16(),
        description: "recording removed because of its age".to_owned(),
        data: json!({}),
    })
    .await?;
    unit.commit().await?;
    let folder = recorder::folder(ctx, id);
    let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(folder)).await;
    if let Ok(Err(error)) = removed {
        tracing::warn!(session = %id, %error, "the files of a recording stay");
    }
    Ok(())
}

//! The page of a held program, for who answers about it.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::TimeDelta;
use http::StatusCode;
use protocol::guard::{HeldProgram, Verdict};
use protocol::id::CommandId;
use store::audit::Actor;

use super::answer::{self, Decision, answer};
use super::held;
use crate::app::SharedApp;
use crate::approvals::visible;
use crate::http::ApiError;
use crate::mfa;
use crate::pages::{Form, Frame, Nothing, PageResult, Policy, SignedIn, redirect};

/// An answer wants somebody who proved within this time who they are.
const FRESH: TimeDelta = TimeDelta::minutes(15);

pub(crate) fn page_routes() -> Router<SharedApp> {
    Router::new()
        .route("/approvals/programs/{command}/{seq}/", get(show))
        .route("/approvals/programs/{command}/{seq}/allow/", post(allow))
        .route("/approvals/programs/{command}/{seq}/deny/", post(deny))
}

/// The page of a program.
pub(crate) fn path(command: CommandId, seq: i64) -> String {
    format!("/approvals/programs/{command}/{seq}/")
}

#[derive(Template)]
#[template(path = "held_program.html")]
struct HeldPage {
    frame: Frame,
    held: HeldProgram,
    path: String,
    facts: Vec<(&'static str, String)>,
    waits: bool,
    /// The viewer may answer now.
    open: bool,
    closed: Option<String>,
    /// Where to prove oneself again before answering.
    again: Option<String>,
    error: Option<String>,
}

async fn show(
    signed_in: SignedIn,
    Path((command, seq)): Path<(String, String)>,
) -> PageResult<Response> {
    let (id, seq) = parse(&command, &seq)?;
    render(&signed_in, id, seq, None).await
}

fn parse(command: &str, seq: &str) -> PageResult<(CommandId, i64)> {
    let id = command.parse().map_err(|_| ApiError::not_found())?;
    let seq = seq.parse().map_err(|_| ApiError::not_found())?;
    Ok((id, seq))
}

async fn render(
    signed_in: &SignedIn,
    id: CommandId,
    seq: i64,
    error: Option<ApiError>,
) -> PageResult<Response> {
    let me = signed_in.user();
    let found = match me.is_superuser {
        true => held::find(signed_in, id, seq).await?,
        false => None,
    };
    let (command, held) = found.ok_or_else(ApiError::not_found)?;
    let waits = held.program.verdict == Verdict::Hold && held.program.end.is_none();
    let closed = answer::check(me, &command).err().map(|error| error.detail);
    let fresh = mfa::is_proved_within(signed_in, FRESH).await?;
    let may = waits && closed.is_none();
    let status = error.as_ref().map_or(StatusCode::OK, |error| error.status);
    let path = path(id, seq);
    let page = HeldPage {
        frame: signed_in.frame(),
        facts: facts(&held),
        held,
        waits,
        open: may && fresh,
        closed: closed.filter(|_| waits),
        again: (may && !fresh).then(|| mfa::confirm_path(&path)),
        path,
        error: error.map(|error| error.detail),
    };
    signed_in.render_with(status, &Policy::default(), &page)
}

/// What runs if it is allowed, with nothing hidden.
fn facts(held: &HeldProgram) -> Vec<(&'static str, String)> {
    let program = &held.program;
    let words: Vec<String> = program.argv.iter().map(|word| visible(word)).collect();
    let sha256 = program.sha256.clone();
    vec![
        ("Program", visible(&program.exe)),
        ("Arguments", words.join("\n")),
        ("SHA-256", sha256.unwrap_or_else(|| "unreadable".to_owned())),
        ("Folder", visible(&program.cwd)),
        ("User id", program.uid.to_string()),
        (
            "Why it waits",
            visible(program.reason.as_deref().unwrap_or_default()),
        ),
        ("Command line", visible(&held.line)),
        ("Account", held.username.clone()),
        ("Server", held.server.name.clone()),
    ]
}

async fn allow(
    Path((command, seq)): Path<(String, String)>,
    form: Form<Nothing>,
) -> PageResult<Response> {
    decide(&SignedIn::of(form.page)?, &command, &seq, true).await
}

async fn deny(
    Path((command, seq)): Path<(String, String)>,
    form: Form<Nothing>,
) -> PageResult<Response> {
    decide(&SignedIn::of(form.page)?, &command, &seq, false).await
}

async fn decide(
    signed_in: &SignedIn,
    command: &str,
    seq: &str,
    allow: bool,
) -> PageResult<Response> {
    let (id, seq) = parse(command, seq)?;
    let me = signed_in.user();
    if !me.is_superuser {
        return Err(ApiError::not_found().into());
    }
    if !mfa::is_proved_within(signed_in, FRESH).await? {
        return redirect(&mfa::confirm_path(&path(id, seq)));
    }
    let row = signed_in.tenant().commands().find(id).await?;
    let row = row.ok_or_else(ApiError::not_found)?;
    let answered = match answer::check(me, &row) {
        Ok(()) => {
            let decision = Decision { seq, allow, by: me };
            answer(signed_in, Actor::user(me), &row, decision).await
        }
        Err(refusal) => Err(refusal),
    };
    match answered {
        Ok(()) => redirect(&path(id, seq)),
        Err(error) if error.status == StatusCode::INTERNAL_SERVER_ERROR => Err(error.into()),
        Err(error) => render(signed_in, id, seq, Some(error)).await,
    }
}

//! The page on which a user decides about a device that wants to log in.
//!
//! It never decides by itself: opening the link, code and all, only shows what asks,
//! from where, and the code to compare. The buttons carry a ticket that is good for
//! this browser and this request, so a page that was opened elsewhere decides nothing.

use std::net::IpAddr;

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::device_code;
use store::now;

use super::client::Client;
use super::user_code;
use crate::http::Params;
use crate::identity::guesses::Acquaintance;
use crate::pages::{Form, Frame, PageError, PageResult, Policy, SignedIn};

/// Path of the page.
pub(super) const PATH: &str = "/device/";

#[derive(Template)]
#[template(path = "device_code.html")]
struct CodePage<'a> {
    frame: Frame,
    error: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "device_confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame,
    application: &'a str,
    user_code: String,
    username: &'a str,
    remote_ip: &'a str,
    /// The device asked from another address than this browser's.
    from_elsewhere: bool,
    own_ip: String,
    user_agent: &'a str,
    device: &'a str,
    minutes_ago: i64,
    ticket: String,
}

#[derive(Template)]
#[template(path = "device_done.html")]
struct DonePage {
    frame: Frame,
    approved: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    user_code: String,
}

#[derive(Deserialize)]
pub(super) struct Decision {
    user_code: String,
    ticket: String,
    decision: String,
}

pub(super) async fn show(
    signed_in: SignedIn,
    Params(query): Params<Query>,
) -> PageResult<Response> {
    if query.user_code.is_empty() {
        return signed_in.render(&CodePage {
            frame: signed_in.frame(),
            error: None,
        });
    }
    let Some(row) = find(&signed_in, &query.user_code).await? else {
        return unknown(&signed_in);
    };
    let minutes_ago = (now() - row.added_at).num_minutes().max(0);
    signed_in.render(&ConfirmPage {
        frame: signed_in.frame(),
        application: Client::find(&row.client).map_or("An application", Client::name),
        user_code: user_code::show(&row.user_code),
        username: &signed_in.user().username,
        from_elsewhere: row.remote_ip.parse::<IpAddr>().ok() != Some(signed_in.ip),
        own_ip: signed_in.ip.to_string(),
        remote_ip: &row.remote_ip,
        user_agent: &row.user_agent,
        device: &row.device,
        minutes_ago,
        ticket: signed_in.csrf_for(&purpose(&row)),
    })
}

pub(super) async fn submit(form: Form<Decision>) -> PageResult<Response> {
    let Form { page, data } = form;
    let signed_in = SignedIn::of(page)?;
    let Some(row) = find(&signed_in, &data.user_code).await? else {
        return unknown(&signed_in);
    };
    if !signed_in.is_csrf_for(&purpose(&row), &data.ticket) {
        return Err(PageError::refused(
            StatusCode::FORBIDDEN,
            "This code was not shown in this browser. Open the link again and compare the code.",
        ));
    }
    let approved = match data.decision.as_str() {
        "approve" => true,
        "deny" => false,
        _ => {
            return Err(PageError::refused(
                StatusCode::BAD_REQUEST,
                "Choose whether to allow or to refuse the login.",
            ));
        }
    };
    if !decide(&signed_in, &row, approved).await? {
        return unknown(&signed_in);
    }
    signed_in.render(&DonePage {
        frame: signed_in.frame(),
        approved,
    })
}

/// The request with this code. Wrong codes are counted for each user, so that nobody
/// finds the code of somebody else by trying.
async fn find(signed_in: &SignedIn, typed: &str) -> PageResult<Option<device_code::Model>> {
    let guess = signed_in.app.guesses.take(
        signed_in.workspace_id(),
        &format!("device code {}", signed_in.user().id),
        Acquaintance::Stranger,
        "Too many wrong device codes; wait and try again.",
    )?;
    let Some(code) = user_code::read(typed) else {
        return Ok(None);
    };
    let row = signed_in
        .tenant()
        .oauth()
        .pending_device_code(&code)
        .await?;
    if row.is_some() {
        signed_in.app.guesses.give_back(&guess);
    }
    Ok(row)
}

/// Records the decision; says whether the request still waited for one.
async fn decide(
    signed_in: &SignedIn,
    row: &device_code::Model,
    approved: bool,
) -> PageResult<bool> {
    let user = signed_in.user();
    let unit = signed_in.begin().await?;
    let decided = unit
        .tenant()
        .oauth()
        .decide_device_code(
            row.id,
            signed_in.session.user_id(),
            approved,
            signed_in.session.login.factors.clone(),
        )
        .await?;
    if decided {
        let (action, word) = if approved {
            ("approve", "allowed")
        } else {
            ("deny", "refused")
        };
        unit.audit(AuditRecord {
            actor: Actor::user(user),
            ip: signed_in.ip.to_string(),
            app: "auth",
            model: "device_code",
            object_id: Some(row.id),
            action,
            status_code: StatusCode::OK.as_u16(),
            description: format!("{} {word} a login from {}", user.username, row.remote_ip),
            data: json!({"client": row.client, "device": row.device, "ip": row.remote_ip}),
        })
        .await?;
        unit.commit().await?;
    }
    Ok(decided)
}

fn purpose(row: &device_code::Model) -> String {
    format!("device {}", row.id)
}

fn unknown(signed_in: &SignedIn) -> PageResult<Response> {
    let shown = CodePage {
        frame: signed_in.frame(),
        error: Some(
            "This code is not valid, was used already or has expired. Check it, or start \
             the login again.",
        ),
    };
    signed_in.render_with(StatusCode::NOT_FOUND, &Policy::default(), &shown)
}

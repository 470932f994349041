//! The pages of invitations and passwords. Links in mails lead here; opening one changes
//! nothing, so that a mail scanner uses nothing up.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use protocol::onboarding::{AcceptInvitation, CompletePasswordReset};
use serde::Deserialize;

use super::{forced, invitation, reset};
use crate::app::SharedApp;
use crate::http::{ApiError, ApiResult, Params};
use crate::identity::sign_in::NEW_PASSWORD;
use crate::pages::{Form, Frame, PageCtx, PageResult, Policy, redirect, respond};

pub(crate) fn page_routes() -> Router<SharedApp> {
    Router::new()
        .route(invitation::PATH, get(show_join).post(join))
        .route(reset::ASK_PATH, get(show_forgotten).post(forgotten))
        .route(reset::PATH, get(show_reset).post(choose))
        .route(NEW_PASSWORD, get(show_forced).post(choose_forced))
}

#[derive(Template)]
#[template(path = "join.html")]
struct JoinPage<'a> {
    frame: Frame,
    email: &'a str,
    token: &'a str,
    username: &'a str,
    error: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "forgotten_password.html")]
struct ForgottenPage<'a> {
    frame: Frame,
    sent: bool,
    error: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "choose_password.html")]
struct ChoosePage<'a> {
    frame: Frame,
    why: &'a str,
    action: &'a str,
    token: &'a str,
    /// For password managers.
    username: &'a str,
    error: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "onboarding_done.html")]
struct DonePage<'a> {
    frame: Frame,
    heading: &'a str,
    detail: &'a str,
}

/// What links in mails carry.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Link {
    token: String,
}

#[derive(Deserialize)]
struct Join {
    token: String,
    username: String,
    new_password: String,
    again: String,
}

#[derive(Deserialize)]
struct Forgotten {
    login: String,
}

#[derive(Deserialize)]
struct Choose {
    #[serde(default)]
    token: String,
    new_password: String,
    again: String,
}

fn same(password: &str, again: &str) -> ApiResult<()> {
    if password == again {
        return Ok(());
    }
    Err(ApiError::invalid(
        super::SOURCE,
        "The two passwords are not the same.",
    ))
}

async fn show_join(page: PageCtx, Params(link): Params<Link>) -> PageResult<Response> {
    let row = invitation::find(&page, &link.token).await?;
    page.render(&JoinPage {
        frame: page.frame(),
        email: &row.email,
        token: &link.token,
        username: "",
        error: None,
    })
}

async fn join(form: Form<Join>) -> PageResult<Response> {
    let Form { page, data } = form;
    let row = invitation::find(&page, &data.token).await?;
    let username = data.username.trim();
    let accepted = match same(&data.new_password, &data.again) {
        Ok(()) => {
            let request = AcceptInvitation {
                token: data.token.clone(),
                username: username.to_owned(),
                password: data.new_password,
            };
            invitation::accept(&page, request).await
        }
        Err(error) => Err(error),
    };
    match accepted {
        Ok(user) => page.render(&DonePage {
            frame: page.frame(),
            heading: "Welcome",
            detail: &format!("The account {} is yours. Sign in to begin.", user.username),
        }),
        Err(error) if error.status.is_client_error() => {
            let shown = JoinPage {
                frame: page.frame(),
                email: &row.email,
                token: &data.token,
                username,
                error: Some(&error.detail),
            };
            page.render_with(error.status, &Policy::default(), &shown)
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_forgotten(page: PageCtx) -> PageResult<Response> {
    page.app.mailer.require()?;
    page.render(&ForgottenPage {
        frame: page.frame(),
        sent: false,
        error: None,
    })
}

async fn forgotten(form: Form<Forgotten>) -> PageResult<Response> {
    let Form { page, data } = form;
    match reset::ask(&page, &data.login) {
        Ok(()) => page.render(&ForgottenPage {
            frame: page.frame(),
            sent: true,
            error: None,
        }),
        Err(error) if error.status.is_client_error() => {
            let shown = ForgottenPage {
                frame: page.frame(),
                sent: false,
                error: Some(&error.detail),
            };
            page.render_with(error.status, &Policy::default(), &shown)
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_reset(page: PageCtx, Params(link): Params<Link>) -> PageResult<Response> {
    let (_, user) = reset::find(&page, &link.token).await?;
    page.render(&reset_page(&page, &link.token, &user.username, None))
}

fn reset_page<'a>(
    page: &PageCtx,
    token: &'a str,
    username: &'a str,
    error: Option<&'a str>,
) -> ChoosePage<'a> {
    ChoosePage {
        frame: page.frame(),
        why: "You asked for another password.",
        action: reset::PATH,
        token,
        username,
        error,
    }
}

async fn choose(form: Form<Choose>) -> PageResult<Response> {
    let Form { page, data } = form;
    let (_, user) = reset::find(&page, &data.token).await?;
    let chosen = match same(&data.new_password, &data.again) {
        Ok(()) => {
            let request = CompletePasswordReset {
                token: data.token.clone(),
                new_password: data.new_password,
            };
            reset::complete(&page, request).await
        }
        Err(error) => Err(error),
    };
    match chosen {
        Ok(()) => page.render(&DonePage {
            frame: page.frame(),
            heading: "Password changed",
            detail: "All your logins have ended. Sign in with the new password.",
        }),
        Err(error) if error.status.is_client_error() => {
            let shown = reset_page(&page, &data.token, &user.username, Some(&error.detail));
            page.render_with(error.status, &Policy::default(), &shown)
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_forced(page: PageCtx) -> PageResult<Response> {
    match forced::attempt(&page).await? {
        Some(attempt) => page.render(&forced_page(&page, &attempt.user.username, None)),
        None => redirect(crate::pages::SIGN_IN),
    }
}

fn forced_page<'a>(page: &PageCtx, username: &'a str, error: Option<&'a str>) -> ChoosePage<'a> {
    ChoosePage {
        frame: page.frame(),
        why: "An administrator asks you to change your password before you go on.",
        action: NEW_PASSWORD,
        token: "",
        username,
        error,
    }
}

async fn choose_forced(form: Form<Choose>) -> PageResult<Response> {
    let Form { page, data } = form;
    let Some(attempt) = forced::attempt(&page).await? else {
        return redirect(crate::pages::SIGN_IN);
    };
    let username = attempt.user.username.clone();
    let chosen = match same(&data.new_password, &data.again) {
        Ok(()) => forced::choose(&page, attempt, data.new_password).await,
        Err(error) => Err(error),
    };
    match chosen {
        Ok(outcome) => respond(&page, outcome),
        Err(error) if error.status.is_client_error() => {
            let shown = forced_page(&page, &username, Some(&error.detail));
            page.render_with(error.status, &Policy::default(), &shown)
        }
        Err(error) => Err(error.into()),
    }
}

//! Proving presence for a login without a browser of its own.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;

use super::factor_forms::{Answer, FactorForms};
use super::{AUTHENTICATOR, PASSKEYS, SECURITY, fresh, step_up_path};
use crate::http::ApiResult;
use crate::mfa::{Method, enrolment, link, policy};
use crate::pages::{Form, Frame, PageResult, Policy, SignedIn, redirect, with_next};

#[derive(Template)]
#[template(path = "step_up.html")]
struct StepUpPage<'a> {
    frame: Frame,
    action: &'a str,
    /// What asks, as it names itself.
    client: &'a str,
    remote_ip: &'a str,
    server: Option<&'a str>,
    error: Option<&'a str>,
    /// A factor was proved since the link was made: a button is enough.
    is_proved: bool,
    /// Where to set up a first factor; empty where one suffices.
    enrol: Vec<(&'static str, String)>,
    forms: FactorForms,
}

#[derive(Template)]
#[template(path = "step_up_done.html")]
struct StepUpDonePage {
    frame: Frame,
    security: &'static str,
}

pub(super) async fn show(signed_in: SignedIn, Path(token): Path<String>) -> PageResult<Response> {
    let link = link::find(&signed_in, signed_in.user(), &token).await?;
    render(&signed_in, &link, &token, StatusCode::OK, None).await
}

pub(super) async fn submit(Path(token): Path<String>, form: Form<Answer>) -> PageResult<Response> {
    let path = step_up_path(&token);
    let Form { page, data } = form;
    if page.browser.session.is_none() {
        // Signed out meanwhile: come back by GET.
        return redirect(&path);
    }
    let signed_in = SignedIn::of(page)?;
    let link = link::find(&signed_in, signed_in.user(), &token).await?;
    match prove(&signed_in, &link, &data).await {
        Ok(()) => {
            let shown = StepUpDonePage {
                frame: signed_in.frame(),
                security: SECURITY,
            };
            signed_in.render(&shown)
        }
        Err(error) if error.status.is_client_error() => {
            render(&signed_in, &link, &token, error.status, Some(&error.detail)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn prove(signed_in: &SignedIn, link: &link::Link, data: &Answer) -> ApiResult<()> {
    let user = signed_in.user();
    let method = if let (true, Some(method)) = (data.is_empty(), proved(signed_in, link)) {
        method
    } else {
        let enrolled = fresh::enrolled(signed_in, user).await?;
        data.prove(signed_in, &enrolled).await?
    };
    link::complete(signed_in, user, link, method).await
}

fn proved(signed_in: &SignedIn, link: &link::Link) -> Option<Method> {
    link.proof_of(signed_in, &signed_in.session.login)
}

/// Pages that set up what the workspace takes, and come back to `path`.
fn ways_to_enrol(signed_in: &SignedIn, path: &str) -> Vec<(&'static str, String)> {
    [
        (Method::Webauthn, "Passkey", PASSKEYS),
        (Method::Totp, "Authenticator app", AUTHENTICATOR),
    ]
    .into_iter()
    .filter(|(method, ..)| enrolment::is_offered(signed_in, *method))
    .map(|(_, label, page)| (label, with_next(page, path)))
    .collect()
}

async fn render(
    signed_in: &SignedIn,
    link: &link::Link,
    token: &str,
    status: StatusCode,
    error: Option<&str>,
) -> PageResult<Response> {
    let user = signed_in.user();
    let path = step_up_path(token);
    let settings = &signed_in.workspace.settings;
    let enrolled = fresh::enrolled(signed_in, user).await?;
    let usable = policy::usable(settings, policy::SESSION, &enrolled);
    let suffices = usable
        .iter()
        .any(|row| policy::allows(settings, policy::kind(row)));
    let forms = FactorForms::new(signed_in, user, &usable, &path, "").await?;
    let policy = Policy {
        scripts: forms.passkey.is_some(),
        ..Policy::default()
    };
    let shown = StepUpPage {
        frame: signed_in.frame(),
        action: &path,
        client: &link.login.user_agent,
        remote_ip: link.remote_ip(),
        server: link.server.as_deref(),
        error,
        is_proved: proved(signed_in, link).is_some(),
        enrol: if suffices {
            Vec::new()
        } else {
            ways_to_enrol(signed_in, &path)
        },
        forms,
    };
    signed_in.render_with(status, &policy, &shown)
}

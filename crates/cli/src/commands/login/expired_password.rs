//! A password that is good for nothing but choosing another one.

use client::{Api, Error, auth};
use protocol::auth::LoginRequest;
use protocol::code;
use protocol::onboarding::ChangePassword;

use super::CODE_PROMPT;
use crate::error::{CliError, Failure};
use crate::output::message;
use crate::prompt;

/// Asks for another password and stores it with the server. The login then goes on with it.
pub(super) async fn replace(api: &Api, login: &LoginRequest) -> Result<LoginRequest, Failure> {
    if !prompt::is_interactive() {
        return Err(CliError::refusal(
            "the password must be changed before this login; log in from a terminal, or with a \
             browser",
        )
        .into());
    }
    message::info("the password must be changed before you go on");
    let new = prompt::password("New password: ")?;
    let again = prompt::password("The same password again: ")?;
    if new != again {
        return Err(CliError::refusal("the two passwords are not the same").into());
    }
    let mut change = ChangePassword {
        username: login.username.clone(),
        password: login.password.clone(),
        new_password: new.clone(),
        otp: String::new(),
    };
    let mut answer = auth::change_password(api, &change).await;
    if answer.as_ref().err().and_then(Error::code) == Some(code::AUTH_MFA_REQUIRED) {
        change.otp = prompt::required(CODE_PROMPT)?;
        answer = auth::change_password(api, &change).await;
    }
    answer.map_err(|error| CliError::from(error).while_doing("the password was not changed"))?;
    message::success("password changed");
    Ok(LoginRequest {
        password: new,
        ..login.clone()
    })
}

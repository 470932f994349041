//! What our mails say. Nothing in them is chosen by whoever asked for them but account
//! names, which are letters, digits and hyphens.

use crate::mail::Message;
use crate::workspace::Workspace;

pub(super) fn invitation(
    workspace: &Workspace,
    inviter: &str,
    link: String,
    hours: i64,
) -> Message {
    let name = &workspace.name;
    Message {
        subject: format!("Join the workspace {name} on Alpacon"),
        before: vec![format!(
            "{inviter} has invited you to the workspace {name}. Choose an account name and a \
             password to join."
        )],
        action: format!("Join {name}"),
        link,
        after: vec![
            format!("The link can be used once, within {hours} hours."),
            "If you do not expect this, ignore it: nothing happens without you.".to_owned(),
        ],
    }
}

pub(super) fn reset(workspace: &Workspace, username: &str, link: String, minutes: i64) -> Message {
    let name = &workspace.name;
    Message {
        subject: format!("Choose a new password for {name} on Alpacon"),
        before: vec![format!(
            "Somebody, probably you, asked for a new password of the account {username} in the \
             workspace {name}."
        )],
        action: "Choose a new password".to_owned(),
        link,
        after: vec![
            format!(
                "The link can be used once, within {minutes} minutes. Choosing a password ends \
                 all your logins."
            ),
            "If it was not you, ignore this: your password stays as it is.".to_owned(),
        ],
    }
}

pub(super) fn changed(workspace: &Workspace, username: &str, link: String) -> Message {
    let name = &workspace.name;
    Message {
        subject: format!("Your password for {name} on Alpacon was changed"),
        before: vec![format!(
            "The password of the account {username} in the workspace {name} was changed just \
             now."
        )],
        action: "If it was not you, choose another one at once".to_owned(),
        link,
        after: vec!["If it was you, there is nothing to do.".to_owned()],
    }
}

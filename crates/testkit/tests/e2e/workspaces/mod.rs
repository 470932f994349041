//! Several workspaces on one server: chosen by host name, and nothing of one in another.

mod cli;
mod contract;
mod hosts;
mod isolation;
mod keyring;
mod locks;

use testkit::{Api, Credential, Options, System, eventually};

use crate::accounts::{PASSWORD, try_log_in};

/// Host names of the two workspaces.
const HERE: &str = "127.0.0.1";
const THERE: &str = "there.test";

/// A server with two workspaces, each with a superuser called `root`-something.
struct Two {
    system: System,
    /// The superuser of the first workspace, logged in with a password.
    here: Api,
    /// The superuser of the second workspace, logged in with a password.
    there: Api,
}

impl Two {
    #[track_caller]
    fn start() -> Self {
        Self::with(Vec::new())
    }

    #[track_caller]
    fn with(environment: Vec<(String, String)>) -> Self {
        let system = System::with(&Options {
            environment,
            ..Options::default()
        });
        must(&system, &["workspace", "set-host", "default", HERE], "");
        must(
            &system,
            &["workspace", "create", "there", "--host", THERE],
            "",
        );
        let superuser = [
            "superuser",
            "create",
            "--workspace",
            "there",
            "--username",
            "boss",
        ];
        must(&system, &superuser, &format!("{PASSWORD}\n"));
        let anonymous = system.anonymous().at_host(THERE);
        let there = eventually("the second workspace is served", || {
            let answer = try_log_in(&anonymous, "boss", PASSWORD);
            (answer.status == 200)
                .then(|| anonymous.as_caller(Credential::Token(answer.text_at("/token"))))
        });
        let here = system.api_with_password();
        Self {
            system,
            here,
            there,
        }
    }

    /// Nobody, at the second workspace.
    fn stranger(&self) -> Api {
        self.system.anonymous().at_host(THERE)
    }
}

/// Runs a subcommand of the server that must succeed.
#[track_caller]
fn must(system: &System, arguments: &[&str], input: &str) -> String {
    let (success, text) = system.operate(arguments, input);
    assert!(success, "{arguments:?}: {text}");
    text
}

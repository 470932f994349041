//! Requests that wait for a reviewer: what a decision does, and the ways around one that
//! must fail.

pub(crate) mod chat;
mod commands;
mod narrowed;
mod notifications;
mod pages;
mod plans;
mod rules;
mod sessions;
mod sudo;

use serde_json::{Value, json};
use testkit::{Api, Page, PublicAgent, System, Visitor, eventually};

use crate::accounts::{PASSWORD, create_user, log_in};
use crate::{changed, create_session, id, submission};

const APPROVALS: &str = "/api/approvals/approvals/";
const SESSIONS: &str = "/api/work-sessions/sessions/";
const COMMANDS: &str = "/api/events/commands/";
const ACCESS_CONTROL: &str = "/api/workspaces/access-control/-/";
/// A line that a person needs a reviewer for, by default.
const RISKY: &str = "rm -rf /etc";

/// A host, the first superuser, another superuser and somebody without rights.
struct Scene {
    system: System,
    agent: PublicAgent,
    /// The first superuser, logged in with a password.
    root: Api,
}

impl Scene {
    #[track_caller]
    fn start() -> Self {
        let system = System::start();
        let agent = system.public_agent("host");
        let root = system.api_with_password();
        Self {
            system,
            agent,
            root,
        }
    }

    /// Creates an account and logs it in.
    #[track_caller]
    fn person(&self, name: &str, more: &Value) -> Api {
        create_user(
            &self.root,
            name,
            &changed(json!({"first_name": name}), more),
        );
        log_in(&self.system.anonymous(), name)
    }

    /// A browser of somebody created by [`Self::person`].
    #[track_caller]
    fn visitor(&self, name: &str) -> Visitor {
        let visitor = self.system.visitor();
        visitor.sign_in(name, PASSWORD, "/").expect(303);
        visitor
    }

    /// A second superuser, in the browser.
    #[track_caller]
    fn reviewer(&self, name: &str) -> Visitor {
        let _api = self.person(name, &json!({"is_superuser": true}));
        self.visitor(name)
    }

    /// The first superuser, in the browser.
    #[track_caller]
    fn root_visitor(&self) -> Visitor {
        let visitor = self.system.visitor();
        let superuser = &self.system.ready().superuser;
        visitor
            .sign_in(&superuser.username, &superuser.password, "/")
            .expect(303);
        visitor
    }

    #[track_caller]
    fn settings(&self, change: &Value) {
        self.root.patch(ACCESS_CONTROL, change).expect(200);
    }

    /// An active session of the first superuser.
    #[track_caller]
    fn session(&self) -> String {
        let more = json!({});
        id(&create_session(
            &self.root,
            self.agent.id(),
            &["command"],
            &more,
        ))
    }

    /// Submits a line as the first superuser and gives the command's id.
    #[track_caller]
    fn submit(&self, line: &str, session: &str) -> String {
        crate::submit(&self.root, self.agent.id(), line, Some(session))
    }

    #[track_caller]
    fn command(&self, id: &str) -> Value {
        self.root
            .get(&format!("{COMMANDS}{id}/"))
            .expect(200)
            .json()
    }

    /// Waits until a command is in a state.
    #[track_caller]
    fn wait_for(&self, command: &str, status: &str) {
        eventually("the command changes its state", || {
            (self.command(command)["status"] == status).then_some(())
        });
    }

    /// The only request that is pending.
    #[track_caller]
    fn pending(&self) -> Value {
        let page = self.root.get(&format!("{APPROVALS}?status=pending"));
        let page = page.expect(200).json();
        assert_eq!(page["count"], 1, "{page}");
        page["results"][0].clone()
    }

    /// The command of a request.
    #[track_caller]
    fn command_of(&self, request: &str) -> String {
        let shown = self.root.get(&format!("{APPROVALS}{request}/")).expect(200);
        shown.text_at("/command")
    }

    /// How many requests there are in a state.
    #[track_caller]
    fn count(&self, status: &str) -> i64 {
        let page = self.root.get(&format!("{APPROVALS}?status={status}"));
        page.expect(200).json()["count"].as_i64().unwrap()
    }
}

fn page_of(request: &str) -> String {
    format!("/approvals/{request}/")
}

/// Presses the button of the request's page.
#[track_caller]
pub(crate) fn approve(reviewer: &Visitor, request: &str, more: &[(&str, &str)]) -> Page {
    let csrf = reviewer.get("/approvals/").expect(200).field("csrf");
    let mut fields = vec![("csrf", csrf.as_str())];
    fields.extend(more);
    reviewer.post(&format!("{}approve/", page_of(request)), &fields)
}

#[track_caller]
fn reject(reviewer: &Visitor, request: &str, reason: &str) -> Page {
    let csrf = reviewer.get("/approvals/").expect(200).field("csrf");
    let fields = [("csrf", csrf.as_str()), ("reason", reason)];
    reviewer.post(&format!("{}reject/", page_of(request)), &fields)
}

/// The body that runs a line in a session.
fn line(scene: &Scene, text: &str, session: &str) -> Value {
    submission(scene.agent.id(), text, Some(session))
}

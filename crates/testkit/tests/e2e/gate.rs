//! Every refusal of the gate, by code, and what the CLI makes of it.

use serde_json::json;
use testkit::{Agent, Api, System, eventually};

use crate::{create_session, from_now, id, submission, submit};

const COMMANDS: &str = "/api/events/commands/";

struct Scene {
    system: System,
    agent: Agent,
    /// A password login, which the gate applies to.
    user: Api,
}

fn scene() -> Scene {
    let system = System::start();
    let agent = system.agent("host");
    let user = system.api_with_password();
    Scene {
        system,
        agent,
        user,
    }
}

impl Scene {
    fn session(&self, scopes: &[&str]) -> String {
        id(&create_session(
            &self.user,
            self.agent.id(),
            scopes,
            &json!({}),
        ))
    }

    /// Refused by `code` over REST, with exit status 3 in the CLI, and nothing
    /// was dispatched.
    #[track_caller]
    fn refused(&self, session: Option<&str>, code: &str) {
        self.user
            .post(COMMANDS, &submission(self.agent.id(), "true", session))
            .refuses(403, code);
        let cli = self.system.cli_with_password();
        let mut arguments = vec!["exec", "--output", "json"];
        if let Some(session) = session {
            arguments.extend(["--work-session", session]);
        }
        arguments.extend([self.agent.name(), "true"]);
        let envelope = cli.run(&arguments).exits(3).envelope();
        assert_eq!(envelope["error_code"], code);
        assert_eq!(envelope["exit_code"], 3);
        let dispatched = self
            .system
            .database()
            .integer("SELECT count(*) FROM commands WHERE shell = 'system' AND line = 'true'");
        assert_eq!(dispatched, 0, "a refused command reached the queue");
    }
}

#[test]
fn no_session() {
    scene().refused(None, "work_session_required");
}

#[test]
fn a_completed_session() {
    let scene = scene();
    let session = scene.session(&["command"]);
    scene
        .user
        .post(
            &format!("/api/work-sessions/sessions/{session}/complete/"),
            &json!({}),
        )
        .expect_success();
    scene.refused(Some(&session), "work_session_not_usable");
}

#[test]
fn a_revoked_session() {
    let scene = scene();
    let session = scene.session(&["command"]);
    scene
        .user
        .post(
            &format!("/api/work-sessions/sessions/{session}/revoke/"),
            &json!({}),
        )
        .expect_success();
    scene.refused(Some(&session), "work_session_not_usable");
}

#[test]
fn a_session_that_starts_later() {
    let scene = scene();
    let session = create_session(
        &scene.user,
        scene.agent.id(),
        &["command"],
        &json!({"starts_at": from_now(1800)}),
    );
    assert_eq!(session["status"], "approved");
    scene.refused(Some(&id(&session)), "work_session_not_active");
}

#[test]
fn an_expired_session() {
    let scene = scene();
    let session = id(&create_session(
        &scene.user,
        scene.agent.id(),
        &["command"],
        &json!({"expires_at": from_now(2)}),
    ));
    eventually("the session has expired", || {
        let path = format!("/api/work-sessions/sessions/{session}/");
        (scene.user.get(&path).json()["status"] == "expired").then_some(())
    });
    scene.refused(Some(&session), "work_session_expired");
}

#[test]
fn a_session_without_the_scope() {
    let scene = scene();
    let session = scene.session(&["webftp"]);
    scene.refused(Some(&session), "work_session_scope_not_allowed");
}

#[test]
fn a_session_for_another_server() {
    let scene = scene();
    let other = scene.system.public_agent("other");
    let session = id(&create_session(
        &scene.user,
        other.id(),
        &["command"],
        &json!({}),
    ));
    scene.refused(Some(&session), "work_session_server_not_allowed");
}

#[test]
fn a_session_that_does_not_exist() {
    let scene = scene();
    let unknown = uuid::Uuid::now_v7().to_string();
    let answer = scene.user.post(
        COMMANDS,
        &submission(scene.agent.id(), "true", Some(&unknown)),
    );
    assert!(
        matches!(answer.status, 403 | 404),
        "{}: {}",
        answer.status,
        answer.text()
    );
}

#[test]
fn a_server_that_does_not_exist_is_not_found_before_anything_else() {
    let scene = scene();
    let unknown = uuid::Uuid::now_v7().to_string();
    let answer = scene
        .user
        .post(COMMANDS, &submission(&unknown, "true", None))
        .expect(404);
    assert_eq!(answer.json()["detail"], "Not found.");
}

#[test]
fn a_foreign_workspace_is_not_found_not_forbidden() {
    let scene = scene();
    let session = scene.session(&["command"]);
    // The row moves to another tenant behind the server's back. With two tenants
    // the `Host` name chooses, so the first one gets its name.
    let database = scene.system.database();
    let tenant = database.uuid(&uuid::Uuid::now_v7().to_string());
    database.execute("UPDATE workspaces SET host = '127.0.0.1'");
    database.execute(&format!(
        "INSERT INTO workspaces (id, name, host, settings, added_at) \
         SELECT {tenant}, 'other', 'other.example.com', settings, added_at FROM workspaces"
    ));
    let server = database.uuid(scene.agent.id());
    let moved = database.execute(&format!(
        "UPDATE servers SET workspace_id = {tenant} WHERE id = {server}"
    ));
    assert_eq!(moved, 1);
    scene
        .user
        .post(
            COMMANDS,
            &submission(scene.agent.id(), "true", Some(&session)),
        )
        .expect(404);
    scene
        .user
        .get(&format!("/api/servers/servers/{}/", scene.agent.id()))
        .expect(404);
    let list = scene.user.get("/api/servers/servers/").expect(200).json();
    assert_eq!(list["count"], 0, "{list}");
}

#[test]
fn a_session_of_somebody_else() {
    let scene = scene();
    let session = scene.session(&["command"]);
    let database = scene.system.database();
    let stranger = database.uuid(&uuid::Uuid::now_v7().to_string());
    let changed = database.execute(&format!(
        "UPDATE work_sessions SET assigned_user = {stranger}"
    ));
    assert_eq!(changed, 1);
    scene.refused(Some(&session), "work_session_assignee_mismatch");
}

#[test]
fn a_token_with_full_access_passes_without_a_session() {
    let scene = scene();
    let command = submit(&scene.system.api(), scene.agent.id(), "true", None);
    scene
        .system
        .wait_for(&format!("{COMMANDS}{command}/"), |command| {
            (command["success"] == true).then_some(())
        });
}

#[test]
fn a_bare_token_can_do_nothing() {
    let scene = scene();
    let database = scene.system.database();
    for table in ["command_acls", "server_acls", "file_acls"] {
        database.execute(&format!("DELETE FROM {table}"));
    }
    scene
        .system
        .api()
        .post(COMMANDS, &submission(scene.agent.id(), "true", None))
        .refuses(403, "api_token_acl_not_allowed");
}

#[test]
fn revoking_a_session_ends_what_runs_in_it() {
    let scene = scene();
    let session = scene.session(&["command"]);
    let command = submit(&scene.user, scene.agent.id(), "sleep 600", Some(&session));
    let path = format!("{COMMANDS}{command}/");
    scene.system.wait_for(&path, |command| {
        ["running", "acked"]
            .contains(&command["status"].as_str()?)
            .then_some(())
    });
    scene
        .user
        .post(
            &format!("/api/work-sessions/sessions/{session}/revoke/"),
            &json!({}),
        )
        .expect_success();
    let ended = scene.system.wait_for(&path, |command| {
        (command["success"] == false).then(|| command.clone())
    });
    assert_ne!(ended["exit_code"], 0, "{ended}");
}

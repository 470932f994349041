//! Guardrails: who may write them, and that no way to a server passes them.

use std::fs;

use serde_json::{Value, json};
use testkit::{Agent, Api, System};

use crate::accounts::second_superuser;
use crate::{create_session, from_now, id, submission};

const GUARDRAILS: &str = "/api/security/guardrails/";
const COMMANDS: &str = "/api/events/commands/";

struct Scene {
    system: System,
    agent: Agent,
    admin: Api,
}

fn scene() -> Scene {
    let system = System::start();
    let agent = system.agent("host");
    let admin = system.api_with_password();
    Scene {
        system,
        agent,
        admin,
    }
}

impl Scene {
    fn create(&self, name: &str, policy: &str) -> Value {
        self.admin
            .post(GUARDRAILS, &json!({"name": name, "policy": policy}))
            .expect(201)
            .json()
    }

    fn session(&self, scopes: &[&str]) -> String {
        id(&create_session(
            &self.admin,
            self.agent.id(),
            scopes,
            &json!({}),
        ))
    }

    /// The newest refusal by a guardrail in the audit trail.
    fn recorded(&self) -> Value {
        let answer = self
            .admin
            .get("/api/audit/activity/?page_size=50")
            .expect(200);
        let rows = answer.json()["results"].clone();
        let rows = rows.as_array().cloned().unwrap_or_default();
        rows.into_iter()
            .find(|row| row["action"] == "deny")
            .unwrap_or_else(|| panic!("no refusal in {}", answer.text()))
    }
}

#[test]
fn a_forbidden_command_is_refused_recorded_and_not_sent() {
    let scene = scene();
    let session = scene.session(&["command"]);
    scene.create(
        "no-reboot",
        r#"@id("reboot") @reason("hosts are rebooted by the scheduler")
           forbid (principal, action == Action::"command", resource)
           when { context.plan.programs.contains("reboot") };"#,
    );
    let host = scene.agent.id();
    let refused = scene
        .admin
        .post(
            COMMANDS,
            &submission(host, "true && sudo reboot", Some(&session)),
        )
        .refuses(403, "guardrail_denied");
    let detail = refused.text();
    assert!(detail.contains("rebooted by the scheduler"), "{detail}");
    let dispatched = scene.system.database().integer(
        "SELECT count(*) FROM commands WHERE line LIKE '%reboot%' AND status <> 'rejected'",
    );
    assert_eq!(dispatched, 0);
    let described = scene.recorded().to_string();
    for part in ["guardrail no-reboot", "policy reboot"] {
        assert!(described.contains(part), "{part} in {described}");
    }
    // What is not forbidden goes on.
    let cli = scene.system.cli_with_password();
    cli.run(&["exec", "--work-session", &session, "host", "echo fine"])
        .exits(0)
        .stdout_is("fine\n");
    let (intact, report) = scene.system.verify_audit();
    assert!(intact, "{report}");
}

#[test]
fn tokens_tunnels_transfers_and_sessions_are_bound_too() {
    let scene = scene();
    let host = scene.agent.id();
    let session = scene.session(&["command", "tunnel", "webftp", "websh"]);
    scene.create(
        "night-watch",
        r#"
        @id("terminal") forbid (principal, action == Action::"websh", resource);
        @id("port") forbid (principal, action == Action::"tunnel", resource)
        when { context.port == 22 };
        @id("keys") forbid (principal, action in [Action::"upload", Action::"download"], resource)
        when { context.path like "*/.ssh/*" };
        @id("agents") forbid (principal, action == Action::"work_session", resource)
        when { context.request.requester == "agent" && !context.has_command_rules };
        @id("token") forbid (principal, action == Action::"command", resource)
        when { !context.request.interactive };
        "#,
    );
    scene
        .admin
        .post(
            "/api/websh/tunnels/",
            &json!({"server": host, "target_port": 22, "work_session": session}),
        )
        .refuses(403, "guardrail_denied");
    scene
        .admin
        .post(
            "/api/websh/sessions/",
            &json!({"server": host, "rows": 24, "cols": 80, "username": "root",
                "work_session": session}),
        )
        .refuses(403, "guardrail_denied");
    for (path, name) in [
        ("/root/.ssh/", "id"),
        ("/root/.ssh", "id"),
        ("/root/.ssh/id", "id"),
    ] {
        scene
            .admin
            .post(
                "/api/webftp/uploads/",
                &json!({"server": host, "name": name, "path": path, "work_session": session}),
            )
            .refuses(403, "guardrail_denied");
    }
    scene
        .admin
        .post(
            "/api/webftp/downloads/",
            &json!({"server": host, "path": "/root/.ssh/id", "name": "id",
                "resource_type": "file", "work_session": session}),
        )
        .refuses(403, "guardrail_denied");
    let wanted = |rules: Value| {
        json!({"description": "x", "requester_type": "agent", "scopes": ["command"],
            "servers": [host], "expires_at": from_now(60), "allow_commands": rules})
    };
    scene
        .admin
        .post("/api/work-sessions/sessions/", &wanted(json!([])))
        .refuses(403, "guardrail_denied");
    scene
        .admin
        .post("/api/work-sessions/sessions/", &wanted(json!(["ls *"])))
        .expect(201);
    let token = scene.system.cli_with_token();
    let refused = token.run(&["exec", "host", "true"]).exits(1);
    assert!(
        refused.stderr().contains("night-watch"),
        "{}",
        refused.stderr()
    );
    let tunnels = scene
        .system
        .database()
        .integer("SELECT count(*) FROM tunnels");
    let transfers = scene
        .system
        .database()
        .integer("SELECT count(*) FROM transfers");
    assert_eq!((tunnels, transfers), (0, 0));
}

#[test]
fn a_hold_is_never_an_allow() {
    let scene = scene();
    let session = scene.session(&["command", "tunnel"]);
    scene.create(
        "ask-first",
        r#"@effect("hold") @reason("somebody looks at this first")
           forbid (principal, action in [Action::"tunnel", Action::"work_session"], resource);"#,
    );
    let host = scene.agent.id();
    let refused = scene
        .admin
        .post(
            "/api/websh/tunnels/",
            &json!({"server": host, "target_port": 80, "work_session": session}),
        )
        .refuses(403, "guardrail_denied");
    assert!(
        refused.text().contains("somebody looks"),
        "{}",
        refused.text()
    );
    // A session waits for a reviewer, although a superuser asks.
    let made = create_session(&scene.admin, host, &["command"], &json!({}));
    assert_eq!(made["status"], "pending");
}

#[test]
fn only_a_superuser_who_is_logged_in_changes_them() {
    let scene = scene();
    let policy = "forbid (principal, action == Action::\"websh\", resource);";
    let body = json!({"name": "x", "policy": policy});
    scene.system.anonymous().post(GUARDRAILS, &body).expect(401);
    // The bootstrap token is a superuser's.
    let token = scene.system.api();
    let refused = token.post(GUARDRAILS, &body).expect(403);
    assert!(
        refused.text().contains("log in first"),
        "{}",
        refused.text()
    );
    let made = scene.create("x", policy);
    let one = format!("{GUARDRAILS}{}/", id(&made));
    token.patch(&one, &json!({"enabled": false})).expect(403);
    token.delete(&one).expect(403);
    token.get(&one).expect(200);

    scene
        .admin
        .post(
            "/api/iam/users/",
            &json!({
                "username": "eve", "password": "correct horse battery", "email": "eve@example.com",
                "first_name": "", "last_name": "", "is_active": true,
            }),
        )
        .expect(201);
    let login = scene
        .system
        .anonymous()
        .post(
            "/api/auth/login/",
            &json!({"workspace_url": "", "username": "eve",
            "password": "correct horse battery"}),
        )
        .expect(200);
    let eve = scene
        .system
        .anonymous()
        .as_caller(testkit::Credential::Token(login.text_at("/token")));
    eve.get(GUARDRAILS).expect(403);
    eve.get(&one).expect(403);
    eve.post(GUARDRAILS, &body).expect(403);
    eve.post(
        &format!("{GUARDRAILS}validate/"),
        &json!({"policy": policy}),
    )
    .expect(403);
    eve.delete(&one).expect(403);
    // Everyone may know what can be asked, nobody outside.
    eve.get(&format!("{GUARDRAILS}schema/")).expect(200);
}

#[test]
fn changes_have_versions_and_do_not_overwrite_each_other() {
    let scene = scene();
    let policy = "forbid (principal, action == Action::\"websh\", resource);";
    let made = scene.create("x", policy);
    let one = format!("{GUARDRAILS}{}/", id(&made));
    let other = second_superuser(&scene.system);
    other
        .patch(&one, &json!({"description": "second", "version": 1}))
        .expect(200);
    scene
        .admin
        .patch(&one, &json!({"description": "late", "version": 1}))
        .expect(409);
    scene
        .admin
        .post(GUARDRAILS, &json!({"name": "x", "policy": policy}))
        .expect(409);
    let versions = scene
        .admin
        .get(&format!("{one}versions/"))
        .expect(200)
        .json();
    assert_eq!(versions["results"][0]["version"], 2);
    assert_eq!(versions["count"], 2);
    scene.admin.delete(&one).expect(204);
    scene.admin.get(&one).expect(404);
    let versions = scene
        .admin
        .get(&format!("{one}versions/"))
        .expect(200)
        .json();
    assert_eq!(versions["count"], 2, "what was in force stays readable");
}

#[test]
fn bad_texts_are_refused_with_the_reason() {
    let scene = scene();
    for (body, part) in [
        (json!({"name": "x"}), "policy"),
        (
            json!({"policy": "forbid (principal, action, resource);"}),
            "name",
        ),
        (json!({"name": "a b", "policy": "x"}), "letters"),
        (
            json!({"name": "x", "policy": "permit (principal, action, resource);"}),
            "only tighten",
        ),
        (
            json!({"name": "x", "policy": "forbid (principal, action,\n resourc);"}),
            "line 2",
        ),
    ] {
        let refused = scene.admin.post(GUARDRAILS, &body).expect(400);
        assert!(refused.text().contains(part), "{body}: {}", refused.text());
    }
    let stored = scene
        .system
        .database()
        .integer("SELECT count(*) FROM guardrails");
    assert_eq!(stored, 0);
}

#[test]
fn they_hold_after_a_restart_and_one_that_cannot_be_used_stops_everything() {
    let scene = scene();
    let session = scene.session(&["command"]);
    scene.create(
        "later",
        r#"forbid (principal, action == Action::"command", resource)
           when { context.plan.programs.contains("rm") };"#,
    );
    scene.system.stop_server();
    scene.system.restart_server();
    scene.system.wait_connected(scene.agent.id(), true);
    let cli = scene.system.cli_with_password();
    let run = |line: &str| cli.run(&["exec", "--work-session", &session, "host", line]);
    run("rm /nothing").exits(1).stderr_has("later");
    run("true").exits(0);
    // A later version wrote it, or somebody with the database at hand.
    scene
        .system
        .database()
        .execute("UPDATE guardrails SET policy = 'what', version = 2");
    testkit::eventually("the change is seen", || {
        let refused = scene.admin.post(
            COMMANDS,
            &submission(scene.agent.id(), "true", Some(&session)),
        );
        (refused.status == 403).then_some(())
    });
    run("true").exits(1).stderr_has("cannot be used");
}

#[test]
fn the_cli_writes_tests_and_removes_them() {
    let scene = scene();
    let cli = scene.system.cli_with_password();
    let file = cli.home().join("no-22.cedar");
    let path = file.display().to_string();
    fs::write(
        &file,
        "forbid (principal, action == Action::\"tunnel\", resource)\nwhen { context.prt == 22 };",
    )
    .unwrap();
    cli.run(&["guardrail", "validate", &path])
        .exits(1)
        .stderr_has("prt");
    let policy = "forbid (principal, action == Action::\"tunnel\", resource)\nwhen { context.port == 22 };\n";
    fs::write(&file, policy).unwrap();
    cli.run(&["guardrail", "validate", &path]).exits(0);
    let ask = |port: &str, extra: &[&str]| {
        let mut arguments = vec![
            "guardrail",
            "test",
            "--operation",
            "tunnel",
            "--server",
            "host",
            "--port",
            port,
        ];
        arguments.extend(extra);
        cli.run(&arguments).exits(0)
    };
    ask("22", &[]).stdout_is("pass\n");
    ask("22", &["--policy", &path]).stdout_has("deny: guardrail tested, policy 1");
    cli.run(&["guardrail", "create", "no-22", &path]).exits(0);
    ask("22", &[]).stdout_has("deny: guardrail no-22, policy 1");
    ask("23", &[]).stdout_is("pass\n");
    cli.run(&["guardrail", "describe", "no-22", "--policy"])
        .exits(0)
        .stdout_is(policy);
    cli.run(&["guardrail", "list"]).exits(0).stdout_has("no-22");
    cli.run(&["guardrail", "update", "no-22"]).exits(2);
    cli.run(&["guardrail", "update", "no-22", "--disable"])
        .exits(0);
    ask("22", &[]).stdout_is("pass\n");
    cli.run(&["guardrail", "delete", "no-22", "--yes"]).exits(0);
    cli.run(&["guardrail", "describe", "no-22"]).exits(1);
}

//! Questions to the judge: they answer as the gate would, run nothing, record nothing,
//! and tell nobody what they may not see.

use std::fs;

use serde_json::{Value, json};
use testkit::{Agent, Api, Credential, System};

use crate::{create_session, id, submit};

const SIMULATE: &str = "/api/judge/simulate/";
const REPLAY: &str = "/api/judge/replay/";

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
    fn session(&self, more: &Value) -> String {
        id(&create_session(
            &self.admin,
            self.agent.id(),
            &["command"],
            more,
        ))
    }

    fn simulate(&self, line: &str, session: &str) -> Value {
        let question = json!({"server": self.agent.id(), "line": line, "work_session": session});
        self.admin.post(SIMULATE, &question).expect(200).json()
    }

    fn count(&self, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {table}");
        self.system.database().integer(&query)
    }

    /// An ordinary user.
    fn eve(&self) -> Api {
        let password = "correct horse battery staple";
        self.admin
            .post(
                "/api/iam/users/",
                &json!({"username": "eve", "password": password, "email": "eve@example.com",
                    "first_name": "", "last_name": "", "is_active": true}),
            )
            .expect(201);
        let login = self
            .system
            .anonymous()
            .post(
                "/api/auth/login/",
                &json!({"workspace_url": "", "username": "eve", "password": password}),
            )
            .expect(200);
        let token = Credential::Token(login.text_at("/token"));
        self.system.anonymous().as_caller(token)
    }
}

#[test]
fn a_simulation_decides_as_the_gate_and_leaves_no_trace() {
    let scene = scene();
    let session = scene.session(&json!({"allow_commands": ["git *", "ls"]}));
    let before = (scene.count("commands"), scene.count("audit_records"));

    let allowed = scene.simulate("git status | git log", &session);
    assert_eq!(allowed["verdict"], "allow", "{allowed}");
    assert_eq!(allowed["rules"], json!(["git *"]));
    assert_eq!(allowed["obligations"], json!(["record", "mask"]));
    assert_eq!(allowed["plan"]["commands"][1]["command"], "git log");
    let denied = scene.simulate("git status; rm -rf /etc", &session);
    assert_eq!(denied["verdict"], "deny");
    assert_eq!(denied["decided_by"], "judge");
    assert_eq!(denied["code"], "command_not_allowed");
    assert_eq!(denied["risk"], "critical");
    let secret = scene.simulate("git clone https://me:hunter2hunter2@host/x", &session);
    assert_eq!(secret["decided_by"], "credential");
    let stranger = scene.simulate("ls", "00000000-0000-7000-8000-000000000000");
    assert_eq!(stranger["decided_by"], "gate");
    assert_eq!(stranger["code"], "work_session_not_usable");
    scene
        .admin
        .post(
            "/api/security/guardrails/",
            &json!({"name": "no-ls", "policy":
                r#"forbid (principal, action == Action::"command", resource)
                   when { context.plan.programs.contains("ls") };"#}),
        )
        .expect(201);
    let forbidden = scene.simulate("ls", &session);
    assert_eq!(forbidden["decided_by"], "guardrail");
    assert_eq!(forbidden["guardrails"]["guardrail"], "no-ls");

    let after = (scene.count("commands"), scene.count("audit_records"));
    // One record: that of the guardrail.
    assert_eq!(after, (before.0, before.1 + 1));
}

#[test]
fn questions_are_bounded_by_ones_own_rights() {
    let scene = scene();
    let session = scene.session(&json!({}));
    let done = submit(
        &scene.admin,
        scene.agent.id(),
        "echo secret-plan",
        Some(&session),
    );
    scene
        .system
        .wait_for(&format!("/api/events/commands/{done}/"), |row| {
            (row["success"] == true).then_some(())
        });
    let eve = scene.eve();
    let question = json!({"server": scene.agent.id(), "line": "ls"});
    // She sees the host through the group of everyone, and has no session of hers.
    let simulated = eve.post(SIMULATE, &question).expect(200).json();
    assert_eq!(simulated["code"], "work_session_required");
    let replayed = eve.post(REPLAY, &json!({"rules": ["ls"]})).expect(200);
    assert!(
        !replayed.text().contains("secret-plan"),
        "{}",
        replayed.text()
    );
    assert_eq!(replayed.json()["examined"], 0);
    let guardrail = "forbid (principal, action, resource);";
    eve.post(REPLAY, &json!({"guardrail": guardrail}))
        .expect(403);
    eve.post(REPLAY, &json!({"rules": ["ls"], "work_session": session}))
        .expect(404);
    eve.get(&format!(
        "/api/work-sessions/sessions/{session}/suggestion/"
    ))
    .expect(404);
    scene
        .system
        .anonymous()
        .post(SIMULATE, &question)
        .expect(401);
    for (path, body) in [
        (SIMULATE, json!({"line": "ls"})),
        (SIMULATE, json!({"server": scene.agent.id()})),
        (REPLAY, json!({})),
        (REPLAY, json!({"rules": [" "]})),
        (
            REPLAY,
            json!({"guardrail": "permit (principal, action, resource);"}),
        ),
        ("/api/judge/explain/", json!({"line": "  "})),
    ] {
        scene.admin.post(path, &body).expect(400);
    }
}

#[test]
fn history_says_what_a_new_rule_changes_and_what_would_do() {
    let scene = scene();
    let session = scene.session(&json!({}));
    let cli = scene.system.cli_with_password();
    for line in [
        "echo one",
        "echo one",
        "uname -s",
        "printf x > /tmp/judging-out",
    ] {
        cli.run(&["exec", "--work-session", &session, "host", line])
            .exits(0);
    }
    let replayed = cli
        .run(&[
            "judge",
            "replay",
            "--session",
            &session,
            "--rule",
            "echo *",
            "--output",
            "json",
        ])
        .exits(0)
        .json();
    assert_eq!(replayed["examined"], 4, "{replayed}");
    assert_eq!(replayed["newly_denied"], 2);
    assert_eq!(replayed["unchanged"], 2);
    assert_eq!(replayed["examples"].as_array().map(Vec::len), Some(2));
    let file = cli.home().join("no-uname.cedar");
    fs::write(
        &file,
        r#"@effect("hold") forbid (principal, action == Action::"command", resource)
           when { context.plan.programs.contains("uname") };"#,
    )
    .unwrap();
    cli.run(&[
        "judge",
        "replay",
        "--guardrail",
        &file.display().to_string(),
    ])
    .exits(0)
    .stdout_has("1 newly held");

    let suggested = cli
        .run(&["work-session", "suggest", &session, "--output", "json"])
        .exits(0)
        .json();
    let rules = json!(["echo one", "printf x", "uname -s"]);
    assert_eq!(suggested["commands"], rules, "{suggested}");
    assert_eq!(suggested["paths"], json!(["/tmp/judging-out"]));
    assert_eq!(suggested["lines"], suggested["covered"]);
    // Under the suggested rules the same runs again, and nothing else.
    let narrow = scene.session(&json!({"allow_commands": rules,
        "allow_paths": ["/tmp/judging-out"]}));
    let verdict = |line: &str| scene.simulate(line, &narrow)["verdict"].clone();
    assert_eq!(verdict("printf x > /tmp/judging-out"), "allow");
    assert_eq!(verdict("uname -s"), "allow");
    for other in [
        "uname -a",
        "echo two",
        "printf x > /tmp/other",
        "echo one; id",
    ] {
        assert_eq!(verdict(other), "deny", "{other}");
    }
    cli.run(&[
        "judge",
        "simulate",
        "--work-session",
        &narrow,
        "host",
        "uname -a",
    ])
    .exits(0)
    .stdout_has("deny (decided by the judge)");
    cli.run(&["judge", "explain", "sudo rm -rf /etc"])
        .exits(0)
        .stdout_has("risk: critical");
}

//! Plans: several commands, one decision, for exactly those.

use std::thread;

use serde_json::{Value, json};

use super::{COMMANDS, RISKY, Scene, approve, line, reject};
use crate::accounts::second_superuser;
use crate::id;

const PLANS: &str = "/api/approvals/plans/";
const OTHER: &str = "rm -rf /etc /usr";

fn plan(scene: &Scene, session: &str, commands: &[&str]) -> Value {
    json!({"server": scene.agent.id(), "work_session": session, "commands": commands,
        "description": "migration"})
}

#[test]
fn each_command_of_an_approved_plan_runs_once_and_no_other() {
    let mut scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let session = scene.session();
    let body = plan(&scene, &session, &[RISKY, OTHER, "uptime"]);
    let asked = scene.root.post(PLANS, &body).expect(201).json();
    assert_eq!(asked["request_type"], "command_plan");
    assert_eq!(asked["content"]["commands"], body["commands"]);
    let again = scene.root.post(PLANS, &body).expect(201).json();
    assert_eq!(id(&again), id(&asked));
    assert_eq!(scene.agent_got(), 0, "asking runs nothing");

    approve(&reviewer, &id(&asked), &[]).expect(303);
    // Order and pauses are the requester's.
    for text in [OTHER, RISKY] {
        let run = scene.submit(text, &session);
        assert_eq!(scene.agent.next_command()["id"], json!(run));
    }
    for text in [OTHER, RISKY, "rm -rf /etc /usr /var"] {
        let held = scene.submit(text, &session);
        assert_eq!(
            scene.command(&held)["status"],
            "awaiting_approval",
            "{text}"
        );
    }
    // Neither in another session, nor with another environment.
    let body = plan(&scene, &session, &[RISKY]);
    let asked = scene.root.post(PLANS, &body).expect(201).json();
    approve(&reviewer, &id(&asked), &[]).expect(303);
    let elsewhere = scene.session();
    let held = scene.submit(RISKY, &elsewhere);
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
    let mut with_env = line(&scene, RISKY, &session);
    with_env["env"] = json!({"A": "1"});
    let held = scene.root.post(COMMANDS, &with_env).text_at("/0/id");
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
    let (verified, said) = scene.system.verify_audit();
    assert!(verified, "{said}");
}

impl Scene {
    /// Commands that were sent to the host.
    fn agent_got(&self) -> i64 {
        let sent = "SELECT count(*) FROM commands \
            WHERE delivered_at IS NOT NULL AND shell = 'system'";
        self.system.database().integer(sent)
    }
}

#[test]
fn a_command_of_a_plan_is_spent_by_one_of_many() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let session = scene.session();
    let body = plan(&scene, &session, &[RISKY]);
    let asked = id(&scene.root.post(PLANS, &body).expect(201).json());
    approve(&reviewer, &asked, &[]).expect(303);
    let body = line(&scene, RISKY, &session);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let answer = scene.root.post(COMMANDS, &body);
                assert!(
                    [200, 201, 409].contains(&answer.status),
                    "{}",
                    answer.text()
                );
            });
        }
    });
    assert_eq!(scene.agent_got(), 1);
}

#[test]
fn a_plan_that_is_not_approved_or_over_allows_nothing() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let session = scene.session();
    let body = plan(&scene, &session, &[RISKY]);
    let held = |why: &str| {
        let held = scene.submit(RISKY, &session);
        assert_eq!(scene.command(&held)["status"], "awaiting_approval", "{why}");
        let waiting = scene.root.get(&format!(
            "{}?status=pending&request_type=command",
            super::APPROVALS
        ));
        let request = waiting.json()["results"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        scene
            .root
            .post(
                &format!("{}{request}/cancel/", super::APPROVALS),
                &json!({}),
            )
            .expect_success();
    };
    let asked = id(&scene.root.post(PLANS, &body).expect(201).json());
    held("pending");
    reject(&reviewer, &asked, "no").expect(303);
    held("rejected");
    let asked = id(&scene.root.post(PLANS, &body).expect(201).json());
    approve(&reviewer, &asked, &[]).expect(303);
    let past = "UPDATE approval_requests SET expires_at = '2020-01-01T00:00:00+00:00' \
        WHERE request_type = 'command_plan'";
    scene.system.database().execute(past);
    held("expired");
    assert_eq!(scene.agent_got(), 0);
}

#[test]
fn wrong_plans_are_refused_with_a_reason() {
    let scene = Scene::start();
    let session = scene.session();
    let refused = |commands: &[&str], status| {
        let body = plan(&scene, &session, commands);
        scene.root.post(PLANS, &body).expect(status)
    };
    refused(&[RISKY], 403);
    let _second = second_superuser(&scene.system);
    refused(&[], 400);
    refused(&["a\nb"], 400);
    refused(&[" "], 400);
    refused(&["mysql -psecret"], 400);
    refused(&["true"; 51], 400);
    let stranger = scene.person("stranger", &json!({}));
    let body = plan(&scene, &session, &[RISKY]);
    let answer = stranger.post(PLANS, &body);
    assert!([403, 404].contains(&answer.status), "{}", answer.text());
    assert_eq!(scene.count(""), 0);
}

#[test]
fn the_cli_asks_for_a_plan_and_runs_it() {
    let scene = Scene::start();
    let real = scene.system.agent("real");
    let reviewer = scene.reviewer("second");
    scene.settings(&json!({"risk_of_people": {
        "low": "hold", "medium": "hold", "high": "hold", "critical": "hold"}}));
    let cli = scene.system.cli_with_password();
    cli.open_session(real.name(), "command");
    let words = [
        "approval",
        "plan",
        "--output",
        "json",
        real.name(),
        "echo one",
        "echo two",
    ];
    let asked = cli.run(&words).exits(4).json();
    let request = asked["request_id"].as_str().unwrap();
    approve(&reviewer, request, &[]).expect(303);
    cli.run(&["exec", real.name(), "echo two"])
        .exits(0)
        .stdout_is("two\n");
    cli.run(&["exec", real.name(), "echo one"])
        .exits(0)
        .stdout_is("one\n");
    cli.run(&["exec", real.name(), "echo one"]).exits(4);
}

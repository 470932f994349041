//! Commands that wait: exactly this one, exactly once.

use std::thread;

use serde_json::json;
use testkit::eventually;

use super::{APPROVALS, COMMANDS, RISKY, Scene, approve, line, page_of, reject};
use crate::accounts::second_superuser;
use crate::id;

#[test]
fn harmless_lines_run_at_once_with_and_without_reviewers() {
    let mut scene = Scene::start();
    let session = scene.session();
    scene.submit("uptime", &session);
    assert_eq!(scene.agent.next_command()["line"], "uptime");
    let _second = second_superuser(&scene.system);
    scene.submit("systemctl restart nginx", &session);
    assert_eq!(
        scene.agent.next_command()["line"],
        "systemctl restart nginx"
    );
    assert_eq!(scene.count(""), 0);
}

#[test]
fn an_approved_command_runs_once_and_no_other_does() {
    let mut scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let session = scene.session();
    let held = scene.submit(RISKY, &session);
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
    assert_eq!(scene.submit(RISKY, &session), held, "asked for again");
    let request = scene.pending();
    assert_eq!(request["request_type"], "command");
    assert_eq!(request["content"]["line"], RISKY);
    assert_eq!(request["content"]["plan"], json!([RISKY]));

    // Other lines, environments and accounts are other requests.
    let altered = scene.submit(&format!("{RISKY} /srv"), &session);
    let mut body = line(&scene, RISKY, &session);
    body["env"] = json!({"A": "1"});
    let with_env = scene.root.post(COMMANDS, &body).text_at("/0/id");
    body["env"] = json!({"A": "2"});
    let other_env = scene.root.post(COMMANDS, &body).text_at("/0/id");
    assert_eq!(scene.count("pending"), 4);

    approve(&reviewer, &id(&request), &[]).expect(303);
    let order = scene.agent.next_command();
    assert_eq!(order["id"], json!(held));
    assert_eq!(order["line"], RISKY);
    for other in [&altered, &with_env, &other_env] {
        assert_eq!(scene.command(other)["status"], "awaiting_approval");
    }

    // The approval is spent: the same line waits again, and nobody approves twice.
    let again = scene.submit(RISKY, &session);
    assert_ne!(again, held);
    assert_eq!(scene.command(&again)["status"], "awaiting_approval");
    approve(&reviewer, &id(&request), &[]).expect(409);
    let (verified, said) = scene.system.verify_audit();
    assert!(verified, "{said}");
}

#[test]
fn without_a_reviewer_a_risky_line_is_refused() {
    let scene = Scene::start();
    let session = scene.session();
    let answer = scene.root.post(COMMANDS, &line(&scene, RISKY, &session));
    let answer = answer.expect(403);
    assert!(
        answer.text().contains("nobody who could approve"),
        "{}",
        answer.text()
    );
    assert_eq!(scene.count(""), 0);
}

#[test]
fn nobody_decides_about_their_own_request_unless_the_workspace_lets_them() {
    let mut scene = Scene::start();
    let _second = second_superuser(&scene.system);
    let session = scene.session();
    let held = scene.submit(RISKY, &session);
    let request = id(&scene.pending());
    let me = scene.root_visitor();
    let page = me.get(&page_of(&request)).expect(200);
    assert!(!page.html().contains("Approve exactly this"));
    approve(&me, &request, &[]).expect(403);
    reject(&me, &request, "no").expect(403);
    for verb in ["approve", "reject"] {
        let path = format!("{APPROVALS}{request}/{verb}/");
        scene.root.post(&path, &json!({})).expect(403);
        scene.system.api().post(&path, &json!({})).expect(403);
    }
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
    scene.settings(&json!({"allow_self_approval": true}));
    approve(&me, &request, &[]).expect(303);
    assert_eq!(scene.agent.next_command()["id"], json!(held));
}

#[test]
fn reviewers_who_press_at_once_decide_once() {
    let mut scene = Scene::start();
    let reviewers: Vec<_> = ["one", "two", "three"]
        .map(|name| scene.reviewer(name))
        .into();
    let session = scene.session();
    let held = scene.submit(RISKY, &session);
    let request = id(&scene.pending());
    let statuses: Vec<u16> = thread::scope(|scope| {
        let pressed: Vec<_> = reviewers
            .iter()
            .map(|reviewer| scope.spawn(|| approve(reviewer, &request, &[]).status()))
            .collect();
        pressed.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let agreed = statuses.iter().filter(|status| **status == 303).count();
    assert_eq!(agreed, 1, "{statuses:?}");
    assert_eq!(scene.agent.next_command()["id"], json!(held));
    let sent = "SELECT count(*) FROM commands WHERE delivered_at IS NOT NULL AND shell = 'system'";
    assert_eq!(scene.system.database().integer(sent), 1);
}

#[test]
fn two_people_approve_where_two_are_asked_for() {
    let mut scene = Scene::start();
    let one = scene.reviewer("one");
    let session = scene.session();
    scene.settings(&json!({"approvals_needed": 2}));
    let answer = scene.root.post(COMMANDS, &line(&scene, RISKY, &session));
    answer.expect(403);
    let two = scene.reviewer("two");
    let held = scene.submit(RISKY, &session);
    let request = id(&scene.pending());
    approve(&one, &request, &[]).expect(303);
    approve(&one, &request, &[]).expect(409);
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
    assert_eq!(scene.pending()["given"], 1);
    approve(&two, &request, &[]).expect(303);
    assert_eq!(scene.agent.next_command()["id"], json!(held));
}

#[test]
fn two_reviewers_at_once_are_both_counted() {
    let mut scene = Scene::start();
    let reviewers = [scene.reviewer("one"), scene.reviewer("two")];
    let session = scene.session();
    scene.settings(&json!({"approvals_needed": 2}));
    for _ in 0..5 {
        let held = scene.submit(RISKY, &session);
        let request = id(&scene.pending());
        thread::scope(|scope| {
            for reviewer in &reviewers {
                scope.spawn(|| approve(reviewer, &request, &[]).expect(303));
            }
        });
        assert_eq!(scene.agent.next_command()["id"], json!(held));
    }
}

#[test]
fn who_has_no_rights_sees_and_decides_nothing() {
    let scene = Scene::start();
    let _second = second_superuser(&scene.system);
    let stranger = scene.person("stranger", &json!({"is_staff": true}));
    let session = scene.session();
    let held = scene.submit(RISKY, &session);
    let request = id(&scene.pending());
    stranger.get(APPROVALS).expect(403);
    let own = stranger.get(&format!("{APPROVALS}-/?status=pending"));
    assert_eq!(own.expect(200).json()["count"], 0);
    stranger.get(&format!("{APPROVALS}{request}/")).expect(404);
    let cancel = format!("{APPROVALS}{request}/cancel/");
    stranger.post(&cancel, &json!({})).expect(404);
    let visitor = scene.visitor("stranger");
    visitor.get("/approvals/").expect(404);
    visitor.get(&page_of(&request)).expect(404);
    let csrf = visitor.get("/").expect(200).field("csrf");
    for verb in ["approve", "reject"] {
        let path = format!("{}{verb}/", page_of(&request));
        let fields = [("csrf", csrf.as_str()), ("reason", "x")];
        visitor.post(&path, &fields).expect(404);
    }
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
}

#[test]
fn forms_of_other_sites_decide_nothing() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let session = scene.session();
    let held = scene.submit(RISKY, &session);
    let request = id(&scene.pending());
    let path = format!("{}approve/", page_of(&request));
    let csrf = reviewer.get("/approvals/").field("csrf");
    reviewer.post(&path, &[]).expect(403);
    reviewer.post(&path, &[("csrf", "guessed")]).expect(403);
    let evil = [("origin", "https://evil.example")];
    reviewer
        .post_with(&path, &[("csrf", &csrf)], &evil)
        .expect(403);
    scene
        .system
        .visitor()
        .post(&path, &[("csrf", &csrf)])
        .expect(403);
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
}

#[test]
fn an_overdue_request_ends_and_is_not_approved() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let session = scene.session();
    let held = scene.submit(RISKY, &session);
    let request = id(&scene.pending());
    let past = "UPDATE approval_requests SET expires_at = '2020-01-01T00:00:00+00:00'";
    assert_eq!(scene.system.database().execute(past), 1);
    approve(&reviewer, &request, &[]).expect(409);
    scene.wait_for(&held, "cancelled");
    assert_eq!(scene.count("expired"), 1);
}

#[test]
fn a_rejection_reaches_who_asked() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let cli = scene.system.cli_with_password();
    cli.open_session(scene.agent.name(), "command");
    let held = cli.run(&["exec", scene.agent.name(), RISKY]).exits(4);
    assert!(held.stderr().contains("exec logs"), "{}", held.stderr());
    let request = id(&scene.pending());
    reject(&reviewer, &request, "  ").expect(400);
    reject(&reviewer, &request, "use the runbook").expect(303);
    let command = scene.command_of(&request);
    cli.run(&["exec", "logs", &command]).exits(6);
    let detail = scene.command(&command);
    assert_eq!(detail["status"], "rejected");
    assert_eq!(detail["result"], "use the runbook");
    cli.run(&["approval", "describe", &request])
        .exits(0)
        .stdout_has("rejected");
    cli.run(&["approval", "ls", "--status", "rejected"])
        .exits(0)
        .stdout_has(&request);
}

#[test]
fn what_ends_takes_its_request_with_it() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let session = scene.session();
    let held = scene.submit(RISKY, &session);
    let request = id(&scene.pending());
    let revoke = format!("{}{session}/revoke/", super::SESSIONS);
    scene.root.post(&revoke, &json!({})).expect_success();
    scene.wait_for(&held, "cancelled");
    assert_eq!(scene.count("cancelled"), 1);
    approve(&reviewer, &request, &[]).expect(409);

    let session = scene.session();
    let held = scene.submit(RISKY, &session);
    let request = id(&scene.pending());
    let cli = scene.system.cli_with_password();
    cli.run(&["approval", "cancel", &request]).exits(0);
    assert_eq!(scene.command(&held)["status"], "cancelled");
    approve(&reviewer, &request, &[]).expect(409);
}

#[test]
fn a_held_command_ends_with_its_session_however_much_ran_since() {
    let scene = Scene::start();
    let _second = second_superuser(&scene.system);
    let session = scene.session();
    let held = scene.submit(RISKY, &session);
    for _ in 0..101 {
        scene.submit("true", &session);
    }
    let revoke = format!("{}{session}/revoke/", super::SESSIONS);
    scene.root.post(&revoke, &json!({})).expect_success();
    scene.wait_for(&held, "cancelled");
    assert_eq!(scene.count("cancelled"), 1);
}

#[test]
fn a_waiting_exec_goes_on_when_it_is_approved() {
    let scene = Scene::start();
    let real = scene.system.agent("real");
    let reviewer = scene.reviewer("second");
    scene.settings(&json!({"risk_of_people": {
        "low": "hold", "medium": "hold", "high": "hold", "critical": "deny"}}));
    let cli = scene.system.cli_with_password();
    cli.open_session(real.name(), "command");
    let waiting = cli.start(&["exec", "--wait", real.name(), "echo approved once"]);
    let request = eventually("the request waits", || {
        let page = scene
            .root
            .get(&format!("{APPROVALS}?status=pending"))
            .json();
        page["results"][0]["id"].as_str().map(str::to_owned)
    });
    approve(&reviewer, &request, &[]).expect(303);
    waiting.finish().exits(0).stdout_has("approved once\n");
    let answer = cli.run(&["exec", real.name(), "rm -rf /etc"]).exits(1);
    assert!(!answer.stderr().contains("awaiting"), "{}", answer.stderr());
}

#[test]
fn agents_are_held_where_people_are_not() {
    let scene = Scene::start();
    let _second = second_superuser(&scene.system);
    let more = json!({"requester_type": "agent"});
    let session = id(&crate::create_session(
        &scene.root,
        scene.agent.id(),
        &["command"],
        &more,
    ));
    let held = scene.submit("systemctl stop nginx", &session);
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
    let quiet = scene.submit("uptime", &session);
    assert_ne!(scene.command(&quiet)["status"], "awaiting_approval");
}

#[test]
fn what_a_guardrail_holds_runs_when_it_is_approved() {
    let mut scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let session = scene.session();
    // A command that starts later is asked about with the address of its request.
    let policy = r#"
        @effect("hold") forbid (principal, action == Action::"command", resource)
        when { context.plan.programs.contains("uptime") };
        forbid (principal, action == Action::"command", resource)
        unless { context.request has ip && context.request.ip.isLoopback() };
    "#;
    let guardrail = json!({"name": "look-first", "policy": policy});
    scene
        .root
        .post("/api/security/guardrails/", &guardrail)
        .expect(201);
    let held = scene.submit("uptime", &session);
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
    approve(&reviewer, &id(&scene.pending()), &[]).expect(303);
    assert_eq!(scene.agent.next_command()["id"], json!(held));
}

//! What is recorded about programs, and who sees it.

use serde_json::json;
use testkit::eventually;

use super::*;

#[test]
fn a_limited_session_is_limited_on_the_host() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    // What a script starts is in no line, so the judge of the control plane cannot
    // know; the host does.
    let tool = script(&system, "ls / >/dev/null; id; echo after");
    let session = limited(&api, agent.id(), &[&tool, "ls *"]);
    let done = run(&system, &api, agent.id(), &tool, Some(&session));
    assert_eq!(done["enforcement"], "enforced", "{done}");
    let output = done["result"].as_str().unwrap();
    assert!(output.contains("alpamon: denied"), "{output}");
    assert!(!output.contains("uid="), "{output}");
    assert!(output.ends_with("after\n"), "{output}");
    let programs = programs(&system, &done);
    assert_eq!(names(&programs, "deny"), ["id"], "{programs:#?}");
    assert_eq!(names(&programs, "allow")[1..], ["ls"], "{programs:#?}");
    let denied = programs.iter().find(|p| p["verdict"] == "deny").unwrap();
    assert_eq!(denied["uid"], 65_534);
    assert!(denied["reason"].is_string());
    assert_eq!(denied["end"]["signal"], 9);
    let listed = programs.iter().find(|p| p["rule"] == "ls *").unwrap();
    assert_eq!(listed["argv"], json!(["ls", "/"]));
    assert_eq!(listed["end"]["exit_code"], 0);
    assert_eq!(listed["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn without_rules_everything_runs_and_is_recorded() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    let session = id(&create_session(&api, agent.id(), &["command"], &json!({})));
    let done = run(&system, &api, agent.id(), "id -u; true", Some(&session));
    assert_eq!(done["success"], true, "{done}");
    assert_eq!(done["result"], "65534\n");
    assert_eq!(done["enforcement"], "observed");
    assert_eq!(names(&programs(&system, &done), "allow").len(), 2);
}

#[test]
fn nothing_is_claimed_about_root() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    let session = limited(&api, agent.id(), &["id", "id *"]);
    let mut body = submission(agent.id(), "id -u", Some(&session));
    body["username"] = json!("root");
    let answer = api.post("/api/events/commands/", &body);
    let job = answer.text_at("/0/id");
    let done = ended(&system, &job);
    assert_eq!(done["result"], "0\n", "{done}");
    assert_eq!(done["enforcement"], "observed", "{done}");
    let session = system
        .api()
        .get(&format!("/api/work-sessions/sessions/{session}/"))
        .expect(200)
        .json();
    assert_eq!(session["enforcement"], "observed");
}

#[test]
fn the_timeline_shows_programs_to_whoever_asks_for_them() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    let session = limited(&api, agent.id(), &["echo *", "printf *"]);
    let line = "/usr/bin/printf x; /usr/bin/printf y";
    let job = run(&system, &api, agent.id(), line, Some(&session));
    let timeline = |query: &str| {
        let path = format!("/api/work-sessions/sessions/{session}/timeline/{query}");
        let page = api.get(&path).expect(200).json();
        page["results"][0].clone()
    };
    let plain = timeline("");
    assert_eq!(plain["id"], job["id"]);
    assert_eq!(plain["program_count"], 3);
    assert_eq!(plain["denied_program_count"], 0);
    assert_eq!(plain["enforcement"], "enforced");
    assert!(plain["programs"].is_null());
    let full = timeline("?include_programs=true");
    assert_eq!(full["programs"].as_array().unwrap().len(), 3);
    assert_eq!(full["programs"][1]["argv"][1], "x");
}

#[test]
fn a_denial_is_in_the_audit_trail_and_the_trail_is_whole() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    let tool = script(&system, "id; true");
    let session = limited(&api, agent.id(), &[&tool]);
    run(&system, &api, agent.id(), &tool, Some(&session));
    let record = system.wait_for("/api/audit/activity/?page_size=50", |page| {
        let records = page["results"].as_array()?;
        let found = records.iter().find(|record| {
            record["description"]
                .as_str()
                .is_some_and(|text| text.contains("/id denied on host"))
        });
        found.cloned()
    });
    assert!(record.is_object());
    let (whole, said) = system.verify_audit();
    assert!(whole, "{said}");
}

#[test]
fn programs_are_told_live_and_only_to_those_who_may_see_them() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    let tool = script(&system, "id; true");
    let session = limited(&api, agent.id(), &[&tool]);
    let channel = api
        .post("/api/events/sessions/", &json!({}))
        .expect(201)
        .json();
    let mut socket = api
        .socket_url(channel["websocket_url"].as_str().unwrap())
        .unwrap();
    let subscribe = |api: &Api| {
        api.post(
            "/api/events/subscriptions/",
            &json!({
                "channel": channel["channel_id"],
                "event_type": "programs",
                "target_id": session,
            }),
        )
    };
    eventually("the channel is connected", || {
        (subscribe(&api).status == 201).then_some(())
    });
    run(&system, &api, agent.id(), &tool, Some(&session));
    loop {
        let message = socket.next_json().expect("the denial is told");
        if message["event_type"] != "programs" {
            continue;
        }
        let started = message["payload"]["started"].as_array().unwrap().clone();
        if started.iter().any(|program| program["verdict"] == "deny") {
            assert_eq!(message["payload"]["session_id"], json!(session));
            break;
        }
    }
}

#[test]
fn a_report_that_comes_again_counts_once() {
    let system = System::start();
    let agent = system.public_agent("host");
    let api = system.api_with_password();
    let session = id(&create_session(&api, agent.id(), &["command"], &json!({})));
    let job = crate::submit(&api, agent.id(), "make", Some(&session));
    let program = |seq: i64, verdict: &str| {
        json!({
            "seq": seq, "time": "2026-01-02T03:04:05Z", "pid": 7, "ppid": 1, "uid": 1000,
            "exe": "/usr/bin/id", "argv": ["id"], "cwd": "/", "verdict": verdict,
        })
    };
    let report = |programs: &[Value]| {
        let report = json!([
            {"report": "ack", "command": job},
            {"report": "programs", "command": job, "started": programs},
        ]);
        agent
            .api()
            .post("/api/events/reports/", &report)
            .expect_success();
    };
    report(&[program(1, "allow"), program(2, "deny")]);
    report(&[program(2, "deny"), program(3, "deny")]);
    let counts = "SELECT programs * 100 + programs_denied FROM commands WHERE shell = 'system'";
    assert_eq!(system.database().integer(counts), 302);
    let page = api.get("/api/audit/activity/?page_size=50").expect(200);
    let page = page.json();
    let denial = format!("/usr/bin/id denied on {}", agent.name());
    let records = page["results"].as_array().unwrap().iter();
    let denials = records.filter(|record| record["description"] == json!(denial));
    assert_eq!(denials.count(), 2, "{page}");
}

//! Commands that a reviewer approved: the approval is for the line, not for what its rules
//! keep from running on the host.

use serde_json::json;

use super::*;
use crate::accounts::{PASSWORD, second_superuser};
use crate::approvals::approve;

#[test]
fn an_approved_command_runs_under_its_guard_policy() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    let _second = second_superuser(&system);
    let all = json!({"low": "hold", "medium": "hold", "high": "hold", "critical": "deny"});
    let change = json!({"risk_of_agents": all});
    api.patch("/api/workspaces/access-control/-/", &change)
        .expect(200);
    let tool = script(&system, "ls / >/dev/null; id; echo after");
    let session = limited(&api, agent.id(), &[&tool, "ls *"]);
    let job = start(&api, agent.id(), &tool, Some(&session));
    let path = format!("/api/events/commands/{job}/");
    assert_eq!(api.get(&path).json()["status"], "awaiting_approval");

    let held = "SELECT CAST(guard AS TEXT) FROM commands WHERE shell = 'system'";
    let approved = system.database().text(held);
    let pending = api.get("/api/approvals/approvals/?status=pending");
    let request = pending.expect(200).text_at("/results/0/id");
    let reviewer = system.visitor();
    reviewer.sign_in("second", PASSWORD, "/").expect(303);
    approve(&reviewer, &request, &[]).expect(303);

    let done = ended(&system, &job);
    // What the order carried is what was approved, to the letter.
    assert_eq!(system.database().text(held), approved);
    assert_eq!(done["enforcement"], "enforced", "{done}");
    let output = done["result"].as_str().unwrap();
    assert!(output.contains("alpamon: denied"), "{output}");
    assert!(!output.contains("uid="), "{output}");
    assert!(output.ends_with("after\n"), "{output}");
    let programs = programs(&system, &done);
    assert_eq!(names(&programs, "deny"), ["id"], "{programs:#?}");
}

//! Rules about who needs an approval, and whose.

use serde_json::{Value, json};
use testkit::Api;

use super::{ACCESS_CONTROL, APPROVALS, COMMANDS, RISKY, SESSIONS, Scene, approve, line, page_of};
use crate::accounts::second_superuser;
use crate::{create_session, id};

const GROUPS: &str = "/api/iam/groups/";
const MEMBERSHIPS: &str = "/api/iam/memberships/";

impl Scene {
    fn rules(&self, rules: &Value) {
        self.settings(&json!({ "approval_rules": rules }));
    }

    fn tag(&self, tags: &Value) {
        let path = format!("/api/servers/servers/{}/", self.agent.id());
        self.root.patch(&path, &json!({ "tags": tags })).expect(200);
    }

    /// A group with this member.
    #[track_caller]
    fn group(&self, name: &str, member: &Api) {
        let body = json!({"name": name, "display_name": name, "description": "", "tags": "",
            "servers": []});
        let group = id(&self.root.post(GROUPS, &body).expect(201).json());
        let user = member
            .get("/api/auth/whoami/")
            .expect(200)
            .text_at("/user/id");
        let body = json!({"group": group, "user": user, "role": "member"});
        self.root.post(MEMBERSHIPS, &body).expect(201);
    }

    fn new_session(&self, api: &Api, requester: &str) -> Value {
        let more = json!({"requester_type": requester});
        create_session(api, self.agent.id(), &["command"], &more)
    }
}

#[test]
fn the_first_rule_that_matches_says_who_waits() {
    let scene = Scene::start();
    let _second = second_superuser(&scene.system);
    scene.rules(&json!([
        {"name": "development", "approval": "not_required", "server_tags": ["env=dev"]},
        {"name": "agents", "approval": "required", "requester_types": ["agent"]},
    ]));
    // The setting lets superusers be; a rule about agents does not.
    assert_eq!(scene.new_session(&scene.root, "user")["status"], "active");
    assert_eq!(scene.new_session(&scene.root, "agent")["status"], "pending");
    scene.tag(&json!({"env": "dev"}));
    assert_eq!(scene.new_session(&scene.root, "agent")["status"], "active");
    // One server of another kind, and the rule for development does not hold.
    let other = scene.system.public_agent("other");
    let body = json!({"requester_type": "agent", "servers": [scene.agent.id(), other.id()]});
    let session = create_session(&scene.root, scene.agent.id(), &["command"], &body);
    assert_eq!(session["status"], "pending");
}

#[test]
fn an_agents_session_is_not_widened_past_its_rule() {
    let scene = Scene::start();
    let _second = second_superuser(&scene.system);
    scene.tag(&json!({"env": "dev"}));
    scene.rules(&json!([
        {"name": "tunnels", "approval": "required", "scopes": ["tunnel"]},
    ]));
    let session = scene.new_session(&scene.root, "user");
    assert_eq!(session["status"], "active");
    let path = format!("{SESSIONS}{}/", id(&session));
    let wider = json!({"scopes": ["command", "tunnel"]});
    let answer = scene.root.patch(&path, &wider).expect(200).json();
    assert_eq!(answer["scopes"], json!(["command"]), "{answer}");
    assert_eq!(scene.pending()["request_type"], "work_session_mod");
}

#[test]
fn members_of_the_named_group_decide_and_nobody_else() {
    let mut scene = Scene::start();
    let member = scene.person("member", &json!({}));
    let _stranger = scene.person("stranger", &json!({}));
    let superuser = scene.reviewer("second");
    scene.group("sre", &member);
    scene.rules(&json!([{
        "name": "risky", "approval": "required", "risks": ["critical"],
        "reviewers": ["sre"],
    }]));
    let session = scene.session();
    let held = scene.submit(RISKY, &session);
    let request = id(&scene.pending());

    let member = scene.visitor("member");
    let stranger = scene.visitor("stranger");
    stranger.get("/approvals/").expect(404);
    stranger.get(&page_of(&request)).expect(404);
    let seen = superuser.get(&page_of(&request)).expect(200).html();
    assert!(seen.contains("Others decide about this"), "{seen}");
    approve(&superuser, &request, &[]).expect(403);
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");

    let list = member.get("/approvals/").expect(200).html();
    assert!(list.contains(&request), "{list}");
    let page = member.get(&page_of(&request)).expect(200).html();
    assert!(page.contains("Decided by</dt><dd>sre"), "{page}");
    // What the group has no say in, its members do not see.
    let other = scene.new_session_for_review();
    member.get(&page_of(&other)).expect(404);
    approve(&member, &other, &[]).expect(404);

    approve(&member, &request, &[]).expect(303);
    assert_eq!(scene.agent.next_command()["id"], json!(held));
}

impl Scene {
    /// A request that superusers decide about.
    #[track_caller]
    fn new_session_for_review(&self) -> String {
        self.settings(&json!({"work_session_approval": "always"}));
        let session = self.new_session(&self.root, "user");
        session["approval_request_id"].as_str().unwrap().to_owned()
    }
}

#[test]
fn who_left_the_group_decides_nothing() {
    let scene = Scene::start();
    let member = scene.person("member", &json!({}));
    let other = scene.person("other", &json!({}));
    scene.group("sre", &member);
    scene.rules(&json!([{
        "name": "risky", "approval": "required", "risks": ["critical"],
        "reviewers": ["sre"],
    }]));
    let held = scene.submit(RISKY, &scene.session());
    let request = id(&scene.pending());
    let visitor = scene.visitor("member");
    visitor.get(&page_of(&request)).expect(200);
    let left = "DELETE FROM memberships WHERE group_id IN \
        (SELECT id FROM groups WHERE name = 'sre') AND user_id IN \
        (SELECT id FROM users WHERE username = 'member')";
    assert_eq!(scene.system.database().execute(left), 1);
    visitor.get(&page_of(&request)).expect(404);
    drop(other);
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
}

#[test]
fn a_command_waits_because_a_rule_says_so() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    scene.tag(&json!({"env": "prod"}));
    scene.rules(&json!([{
        "name": "production", "approval": "required", "server_tags": ["env=prod"],
        "risks": ["low", "medium", "high", "critical"], "needed": 2,
    }]));
    let session = scene.session();
    // Two are needed and one could: nobody holds what nobody can release.
    let refused = scene.root.post(COMMANDS, &line(&scene, "uptime", &session));
    let said = refused.expect(403).text();
    assert!(said.contains("the rule production"), "{said}");
    let _third = scene.person("third", &json!({"is_superuser": true}));
    let held = scene.submit("uptime", &session);
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
    let request = scene.pending();
    assert_eq!(request["needed"], 2);
    approve(&reviewer, &id(&request), &[]).expect(303);
    assert_eq!(scene.command(&held)["status"], "awaiting_approval");
    approve(&scene.visitor("third"), &id(&request), &[]).expect(303);
    let left = "SELECT count(*) FROM commands WHERE delivered_at IS NOT NULL AND shell = 'system'";
    testkit::eventually("it runs", || {
        (scene.system.database().integer(left) == 1).then_some(())
    });
}

#[test]
fn a_plan_does_not_choose_its_reviewers() {
    let scene = Scene::start();
    let _second = second_superuser(&scene.system);
    let member = scene.person("member", &json!({}));
    scene.group("dev", &member);
    // The group decides about harmless lines; the dangerous one is for superusers.
    scene.rules(&json!([{
        "name": "harmless", "approval": "required", "risks": ["low"], "reviewers": ["dev"],
    }]));
    let session = scene.session();
    let body = json!({"server": scene.agent.id(), "work_session": session,
        "commands": ["uptime", RISKY]});
    let refused = scene.root.post("/api/approvals/plans/", &body).expect(400);
    assert!(
        refused.text().contains("Different reviewers"),
        "{}",
        refused.text()
    );
    assert_eq!(scene.count(""), 0);
}

#[test]
fn wrong_rules_are_refused_and_advice_is_shown() {
    let scene = Scene::start();
    for (rules, part) in [
        (json!([{"name": "x"}]), "array of rules"),
        (
            json!([{"name": "x", "approval": "required", "reviewers": ["nobody"]}]),
            "no group nobody",
        ),
        (
            json!([{"name": "x", "approval": "required", "needed": 9}]),
            "from 1 to 5",
        ),
    ] {
        let change = json!({ "approval_rules": rules });
        let refused = scene.root.patch(ACCESS_CONTROL, &change).expect(400);
        assert!(refused.text().contains(part), "{}", refused.text());
    }
    scene.rules(&json!([{
        "name": "sudo", "approval": "not_required", "scopes": ["command"],
        "recommendations": ["Prefer git over rsync."],
    }]));
    let document = scene.root.get(ACCESS_CONTROL).expect(200).json();
    scene.root.patch(ACCESS_CONTROL, &document).expect(200);
    let session = scene.new_session(&scene.root, "user");
    let advice = &session["recommendations"][0];
    assert_eq!(advice["text"], "Prefer git over rsync.");
    assert_eq!(advice["source"], "admin_added");
    assert_eq!(
        scene.root.get(&format!("{APPROVALS}?status=")).json()["count"],
        0
    );
}

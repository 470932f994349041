//! What a host may ask about sudo, spoken by hand (`agent-channels.md` §7.6, §7.7): by
//! an honest agent, and by one that lies.

use serde_json::{Value, json};
use testkit::{Api, PublicAgent, Socket, System};

use crate::accounts::second_superuser;
use crate::{changed, create_session, id, submission};

const APPROVAL: &str = "/api/sudo/approval/";

struct Scene {
    system: System,
    agent: PublicAgent,
    control: Socket,
    /// The superuser, logged in with a password.
    user: Api,
    /// A command of theirs that runs on the host, in a session that lets `id -u` pass.
    command: String,
    /// The account it runs as.
    account: String,
}

fn scene() -> Scene {
    let system = System::start();
    let mut agent = system.public_agent("host");
    let control = agent.api().socket("/ws/servers/control/").unwrap();
    let user = system.api_with_password();
    let policies = json!({"sudo_policies": [
        {"commands": ["id -u"], "allow_bypass_mfa": true}]});
    let session = id(&create_session(
        &user,
        agent.id(),
        &["command", "sudo"],
        &policies,
    ));
    let body = submission(agent.id(), "sh work.sh", Some(&session));
    user.post("/api/events/commands/", &body).expect(201);
    let order = agent.next_command();
    let command = order["id"].as_str().unwrap().to_owned();
    agent.ack(&command).expect_success();
    Scene {
        system,
        control,
        user,
        command,
        account: order["user"].as_str().unwrap().to_owned(),
        agent,
    }
}

impl Scene {
    /// A request of the command's own account, with `more` over it.
    fn request(&self, request: &str, more: &Value) -> Value {
        let body = json!({"request_id": request, "type": "sudo_approval",
            "username": self.account, "groupname": self.account, "pid": 7, "ppid": 6,
            "command": "/usr/bin/id -u", "is_alpacon_user": true, "command_id": self.command});
        changed(body, more)
    }

    /// The next decision on the control connection.
    #[track_caller]
    fn decision(&mut self) -> Value {
        decision(&mut self.control)
    }

    /// What is decided about a request.
    #[track_caller]
    fn ask(&mut self, request: &str, more: &Value) -> Value {
        let body = self.request(request, more);
        self.agent.api().post(APPROVAL, &body).expect(200);
        self.decision()
    }
}

#[track_caller]
fn decision(control: &mut Socket) -> Value {
    loop {
        let message = control.next_json().expect("the control connection ended");
        if message["query"] == "control" {
            return message["data"].clone();
        }
    }
}

#[test]
fn a_decision_echoes_its_request_and_is_made_once() {
    let mut scene = scene();
    let first = scene.ask("one", &json!({}));
    let mut expected = scene.request("one", &json!({}));
    expected["type"] = json!("sudo_approval_response");
    expected["approved"] = json!(true);
    expected["reason"] = json!("Approved");
    assert_eq!(first, expected);
    assert_eq!(scene.ask("one", &json!({})), first, "a retry");
    let denied = scene.ask("two", &json!({"command": "/usr/bin/id -u # -n"}));
    assert_eq!(denied["approved"], false);
    assert_eq!(denied["error_code"], "SUDO_NO_WORKSESSION_POLICY");
    let count = |approved| {
        let query = format!("SELECT count(*) FROM sudo_grants WHERE approved = {approved}");
        scene.system.database().integer(&query)
    };
    assert_eq!((count("true"), count("false")), (1, 1));
    let (verified, said) = scene.system.verify_audit();
    assert!(verified, "{said}");
}

#[test]
fn what_is_no_running_command_of_the_host_and_account_is_denied() {
    let mut scene = scene();
    let missing = |decision: &Value| {
        assert_eq!(decision["approved"], false, "{decision}");
        assert_eq!(decision["error_code"], "SUDO_SESSION_MISSING", "{decision}");
    };
    let nowhere = uuid::Uuid::now_v7().to_string();
    for (request, more) in [
        ("none", json!({"command_id": null})),
        ("garbage", json!({"command_id": "' OR 1=1"})),
        ("unknown", json!({"command_id": nowhere})),
        ("account", json!({"username": "somebody"})),
    ] {
        missing(&scene.ask(request, &more));
    }
    // Another host asks about this one's command.
    let other = scene.system.public_agent("other");
    let mut control = other.api().socket("/ws/servers/control/").unwrap();
    let body = scene.request("foreign", &json!({}));
    other.api().post(APPROVAL, &body).expect(200);
    missing(&decision(&mut control));
    // The command is over.
    scene.agent.fin(&scene.command, 0, "").expect_success();
    missing(&scene.ask("late", &json!({})));
}

#[test]
fn a_locked_user_gets_no_further() {
    let mut scene = scene();
    assert_eq!(scene.ask("before", &json!({}))["approved"], true);
    let me = scene
        .user
        .get("/api/iam/users/-/")
        .expect(200)
        .text_at("/id");
    let admin = second_superuser(&scene.system);
    let lock = json!({"kind": "user", "object": me, "reason": ""});
    admin.post("/api/security/locks/", &lock).expect(201);
    assert_eq!(scene.ask("after", &json!({}))["approved"], false);
}

#[test]
fn only_agents_ask_and_only_with_a_whole_request() {
    let mut scene = scene();
    let body = scene.request("one", &json!({}));
    scene.system.anonymous().post(APPROVAL, &body).expect(401);
    scene.user.post(APPROVAL, &body).expect(403);
    scene.system.api().post(APPROVAL, &body).expect(403);
    for more in [
        json!({"request_id": ""}),
        json!({"request_id": "x".repeat(129)}),
        json!({"command": ""}),
        json!({"command": "x".repeat(64 * 1024 + 1)}),
        json!({"command": "a\u{0}b"}),
        json!({"argv": ["a\u{0}b"]}),
        json!({"username": "x".repeat(257)}),
        json!({"pid": "seven"}),
    ] {
        let body = scene.request("one", &more);
        scene.agent.api().post(APPROVAL, &body).expect(400);
    }
    // An id belongs to what it was first asked with.
    assert_eq!(scene.ask("one", &json!({}))["approved"], true);
    let other = scene.request("one", &json!({"command": "/usr/bin/rm -rf /"}));
    scene.agent.api().post(APPROVAL, &other).expect(400);
}

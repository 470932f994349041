//! Sudo that a second factor of the person lets pass, and what it must not lift.

use serde_json::{Value, json};
use testkit::{Api, PublicAgent, Socket};

use super::{Scene, scene, send};
use crate::{changed, create_session, id, submission};

const ACCESS_CONTROL: &str = "/api/workspaces/access-control/-/";

/// A host whose sudo asks.
struct Host {
    agent: PublicAgent,
    control: Socket,
    asked: usize,
}

/// A command that runs on a host.
struct Running {
    command: String,
    account: String,
}

impl Host {
    fn start(scene: &Scene) -> Self {
        let agent = scene.system.public_agent("host");
        let control = agent.api().socket("/ws/servers/control/").unwrap();
        scene
            .root
            .patch(ACCESS_CONTROL, &json!({"work_session_approval": "never"}))
            .expect(200);
        Self {
            agent,
            control,
            asked: 0,
        }
    }

    /// Starts a command of `api` in a session that holds sudo.
    #[track_caller]
    fn run(&mut self, api: &Api, session: &Value) -> Running {
        let session = create_session(api, self.agent.id(), &["command", "sudo"], session);
        let body = submission(self.agent.id(), "sh work.sh", Some(&id(&session)));
        api.post("/api/events/commands/", &body).expect(201);
        let order = self.agent.next_command();
        let command = order["id"].as_str().unwrap().to_owned();
        self.agent.ack(&command).expect_success();
        Running {
            command,
            account: order["user"].as_str().unwrap().to_owned(),
        }
    }

    /// What is decided when `line` is called through sudo: `passes`, or the code.
    #[track_caller]
    fn sudo(&mut self, running: &Running, line: &str) -> String {
        self.asked += 1;
        let body = json!({"request_id": format!("r{}", self.asked), "type": "sudo_approval",
            "username": running.account, "groupname": running.account, "pid": 7, "ppid": 6,
            "command": line, "is_alpacon_user": true, "command_id": running.command});
        self.agent
            .api()
            .post("/api/sudo/approval/", &body)
            .expect(200);
        loop {
            let message = self
                .control
                .next_json()
                .expect("the control connection ended");
            if message["query"] == "control" {
                let decision = &message["data"];
                let code = decision["error_code"].as_str();
                assert_eq!(decision["approved"] == true, code.is_none(), "{decision}");
                return code.unwrap_or("passes").to_owned();
            }
        }
    }
}

const ID: &str = "/usr/bin/id -u";
const PRESENCE: &str = "SUDO_PRESENCE_REQUIRED";

#[test]
fn a_second_factor_lets_sudo_pass_for_a_while() {
    let scene = scene();
    let mut host = Host::start(&scene);
    let (visitor, app, device) = scene.uma();
    let other = scene.device(&visitor, "7c9e6679-7425-40de-944b-e07fc1f90ae7");
    scene.let_proofs_age();
    let mine = host.run(&device.api, &json!({}));
    let others = host.run(&other.api, &json!({}));
    assert_eq!(host.sudo(&mine, ID), PRESENCE);
    let link = device.link();
    send(&visitor, &link, &[("code", &app.code())]).expect(200);
    assert_eq!(host.sudo(&mine, ID), "passes");
    // For the login that proved it, and no other of the same person.
    assert_eq!(host.sudo(&others, ID), PRESENCE);
    scene.let_proofs_age();
    assert_eq!(host.sudo(&mine, ID), PRESENCE);

    let granted = "SELECT count(*) FROM sudo_grants WHERE approved AND grant_type = 'presence'";
    assert_eq!(scene.system.database().integer(granted), 1);
    let (sound, text) = scene.system.verify_audit();
    assert!(sound, "{text}");
}

#[test]
fn presence_lifts_no_risk_no_rule_and_no_end() {
    let scene = scene();
    let mut host = Host::start(&scene);
    let (visitor, app, device) = scene.uma();
    let running = host.run(&device.api, &json!({}));
    let bounded = host.run(&device.api, &json!({"allow_commands": ["sh *", "id *"]}));
    send(&visitor, &device.link(), &[("code", &app.code())]).expect(200);
    assert_eq!(host.sudo(&running, ID), "passes");
    // A reviewer is there: what is held by its risk stays held.
    assert_eq!(
        host.sudo(&running, "/usr/bin/rm -rf /"),
        "SUDO_APPROVAL_REQUIRED",
    );
    assert_eq!(host.sudo(&bounded, ID), "passes");
    assert_eq!(
        host.sudo(&bounded, "/usr/bin/whoami"),
        "SUDO_NO_WORKSESSION_POLICY",
    );
    let deny = json!({"risk_of_people":
        {"low": "allow", "medium": "allow", "high": "deny", "critical": "deny"}});
    scene.root.patch(ACCESS_CONTROL, &deny).expect(200);
    assert_eq!(
        host.sudo(&running, "/usr/bin/rm -rf /etc"),
        "SUDO_RISK_DENIED",
    );
    // The login ends; what it started may still run, and proves nothing any more.
    device
        .api
        .post("/api/auth/logout/", &json!({}))
        .expect_success();
    assert_eq!(host.sudo(&running, ID), "SUDO_APPROVAL_REQUIRED");
}

#[test]
fn who_cannot_be_there_is_not_asked() {
    let scene = scene();
    let mut host = Host::start(&scene);
    let (visitor, app, device) = scene.uma();
    // An agent's session: a proof of the person is not for it.
    let agents = host.run(&device.api, &json!({"requester_type": "agent"}));
    send(&visitor, &device.link(), &[("code", &app.code())]).expect(200);
    assert_eq!(host.sudo(&agents, ID), "SUDO_APPROVAL_REQUIRED");
    // A password login proves what it can when it is made, and nothing later.
    scene.forget_steps();
    let present = scene.api_of("uma", &app.code_in(1));
    let password = host.run(&present, &json!({}));
    assert_eq!(host.sudo(&password, ID), "passes");
    scene.let_proofs_age();
    assert_eq!(host.sudo(&password, ID), "SUDO_APPROVAL_REQUIRED");
}

#[test]
fn a_policy_waives_the_factor_only_where_it_says_so() {
    let scene = scene();
    let mut host = Host::start(&scene);
    let (visitor, app, device) = scene.uma();
    let policy =
        |commands: &str, waives: bool| json!({"commands": [commands], "allow_bypass_mfa": waives});
    let policies = json!({"sudo_policies": [policy("id -g", true), policy("id *", false)]});
    let running = host.run(&device.api, &policies);
    assert_eq!(host.sudo(&running, "/usr/bin/id -g"), "passes");
    assert_eq!(host.sudo(&running, ID), PRESENCE);
    // Where nobody can prove anything, it is said to be for good.
    let of_agent = changed(policies.clone(), &json!({"requester_type": "agent"}));
    let agents = host.run(&device.api, &of_agent);
    assert_eq!(host.sudo(&agents, "/usr/bin/id -g"), "passes");
    assert_eq!(host.sudo(&agents, ID), "SUDO_POLICY_MFA_REQUIRED");
    send(&visitor, &device.link(), &[("code", &app.code())]).expect(200);
    assert_eq!(host.sudo(&running, ID), "passes");
    assert_eq!(host.sudo(&agents, ID), "SUDO_POLICY_MFA_REQUIRED");

    scene
        .root
        .patch(ACCESS_CONTROL, &json!({"allow_sudo_with_mfa": false}))
        .expect(200);
    assert_eq!(host.sudo(&running, ID), "WORKSPACE_SUDO_WITH_MFA_DISABLED");
    assert_eq!(host.sudo(&running, "/usr/bin/id -g"), "passes");
    // What no policy names goes to a reviewer, as without any factor.
    assert_eq!(
        host.sudo(&running, "/usr/bin/whoami"),
        "SUDO_APPROVAL_REQUIRED",
    );
}

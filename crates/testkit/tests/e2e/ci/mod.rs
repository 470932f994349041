//! CI jobs that log in with their provider's token: what a rule lets in, and the many
//! ways in that must stay shut.

mod attacks;
mod rules;

use serde_json::{Value, json};
use testkit::{Agent, Answer, Api, Credential, System, eventually};

use crate::issuer::{Issuer, JOB_SECRET, system};
use crate::{changed, id, submission};

const RULES: &str = "/api/auth/trust-rules/";
const TOKENS: &str = "/api/auth/service-tokens/";
const COMMANDS: &str = "/api/events/commands/";
const AUDIENCE: &str = "https://alpacon.example";

struct Scene {
    system: System,
    agent: Agent,
    root: Api,
    issuer: Issuer,
    /// The service token that jobs get one like.
    token: String,
    application: String,
}

fn scene() -> Scene {
    let system = system();
    let agent = system.agent("web");
    let root = system.api_with_password();
    let created = root.post("/api/auth/applications/", &json!({"name": "ci"}));
    let application = id(&created.expect(201).json());
    let created = root.post(
        TOKENS,
        &json!({"application": application, "name": "deploy", "expires_at": null, "keyless": true}),
    );
    let created = created.expect(201).json();
    assert!(created.get("key").is_none(), "nobody holds its key");
    let scene = Scene {
        token: id(&created),
        issuer: Issuer::start(),
        application,
        root,
        agent,
        system,
    };
    let server = json!({"service_token": scene.token, "server": scene.agent.id()});
    scene
        .root
        .post("/api/security/server-acl/", &server)
        .expect(201);
    let own = scene.own_name();
    for command in ["echo *", "sleep *"] {
        let rule = json!({"service_token": scene.token, "command": command, "username": own});
        scene
            .root
            .post("/api/security/command-acl/", &rule)
            .expect(201);
    }
    scene
}

impl Scene {
    fn own_name(&self) -> String {
        self.system.ready().superuser.username.clone()
    }

    fn rule(&self, name: &str, conditions: &Value) -> Answer {
        self.root.post(
            RULES,
            &json!({
                "name": name, "service_token": self.token, "issuer": self.issuer.url(),
                "audience": AUDIENCE, "conditions": conditions,
            }),
        )
    }

    /// A rule for the main branch of every repository of acme.
    #[track_caller]
    fn trust_main(&self) -> String {
        let conditions = json!({"repository": ["acme/*"], "ref": ["refs/heads/main"]});
        id(&self.rule("main", &conditions).expect(201).json())
    }

    fn exchange(&self, token: &str) -> Answer {
        self.exchange_with(&json!({"subject_token": token}))
    }

    fn exchange_with(&self, more: &Value) -> Answer {
        let body = json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        });
        self.system
            .anonymous()
            .post("/oauth/token/", &changed(body, more))
    }

    /// A job that has logged in.
    #[track_caller]
    fn job(&self) -> Api {
        let answer = self.exchange(&self.issuer.token(AUDIENCE)).expect(200);
        let key = answer.text_at("/access_token");
        self.system.anonymous().as_caller(Credential::Token(key))
    }

    fn issued(&self) -> i64 {
        self.system
            .database()
            .integer("SELECT count(*) FROM api_tokens WHERE issued_from IS NOT NULL")
    }

    fn run(&self, job: &Api, line: &str) -> Answer {
        let mut body = submission(self.agent.id(), line, None);
        body["username"] = json!(self.own_name());
        job.post(COMMANDS, &body)
    }
}

#[test]
fn a_job_gets_a_short_lived_token_like_the_one_of_its_rule() {
    let scene = scene();
    scene.trust_main();
    let answer = scene.exchange(&scene.issuer.token(AUDIENCE)).expect(200);
    let shown = answer.json();
    assert!(
        shown["access_token"]
            .as_str()
            .unwrap()
            .starts_with("alpst-")
    );
    assert_eq!(shown["token_type"], "N_A");
    let lifetime = shown["expires_in"].as_i64().unwrap();
    assert!((1..=900).contains(&lifetime), "{shown}");
    let key = answer.text_at("/access_token");
    let job = scene.system.anonymous().as_caller(Credential::Token(key));
    let who = job.get("/api/auth/whoami/").expect(200).json();
    assert_eq!(who["principal_type"], "application");
    assert_eq!(who["application"]["name"], "ci");

    let command = scene.run(&job, "echo built").expect_success();
    let path = format!("{COMMANDS}{}/", command.text_at("/0/id"));
    eventually("the command ends", || {
        let shown = job.get(&path).json();
        (shown["result"] == "built\n").then_some(())
    });
    scene
        .run(&job, "id")
        .refuses(403, "api_token_acl_not_allowed");

    let trail = scene.root.get("/api/audit/activity/?page_size=100").json();
    let trail = trail["results"].as_array().unwrap();
    let issued = trail.iter().any(|row| {
        let text = row.to_string();
        text.contains("repo:acme/app:ref:refs/heads/main") && text.contains("by trust rule main")
    });
    assert!(issued, "the record says which job: {trail:?}");

    let listed = scene.root.get(TOKENS).json();
    assert_eq!(
        listed["count"], 1,
        "tokens of jobs are not among those of people"
    );
    let jobs = format!("{TOKENS}?issued_from={}", scene.token);
    assert_eq!(scene.root.get(&jobs).json()["count"], 1);
}

#[test]
fn a_job_ends_with_what_it_came_from() {
    let scene = scene();
    let rule = scene.trust_main();
    let token = format!("{TOKENS}{}/", scene.token);
    let application = format!("/api/auth/applications/{}/", scene.application);
    let gone = |job: &Api| job.get("/api/auth/whoami/").expect(401);

    let job = scene.job();
    let command = scene.run(&job, "sleep 300").expect_success();
    let path = format!("{COMMANDS}{}/", command.text_at("/0/id"));
    eventually("the command runs", || {
        (scene.root.get(&path).json()["status"] == "acked").then_some(())
    });
    scene
        .root
        .patch(&token, &json!({"scopes": ["command:*", "server:*"]}))
        .expect(200);
    gone(&job);
    eventually("the running command was stopped", || {
        (scene.root.get(&path).json()["success"] == false).then_some(())
    });

    let job = scene.job();
    let rules = format!("/api/security/command-acl/?service_token={}", scene.token);
    let first = scene.root.get(&rules).json()["results"][0].clone();
    let first = format!("/api/security/command-acl/{}/", id(&first));
    scene.root.delete(&first).expect(204);
    gone(&job);

    let job = scene.job();
    let lock = json!({"kind": "token", "object": scene.token, "reason": "leak"});
    let lock = scene.root.post("/api/security/locks/", &lock).expect(201);
    gone(&job);
    scene.exchange(&scene.issuer.token(AUDIENCE)).expect(403);
    let lock = format!("/api/security/locks/{}/", id(&lock.json()));
    scene.root.delete(&lock).expect(204);

    let job = scene.job();
    scene
        .root
        .patch(&application, &json!({"is_active": false}))
        .expect(200);
    gone(&job);
    let answer = scene.exchange(&scene.issuer.token(AUDIENCE));
    assert_eq!(answer.status, 403, "{}", answer.text());
    scene
        .root
        .patch(&application, &json!({"is_active": true}))
        .expect(200);

    let path = format!("{RULES}{rule}/");
    scene
        .root
        .patch(&path, &json!({"enabled": false}))
        .expect(200);
    scene.exchange(&scene.issuer.token(AUDIENCE)).expect(400);
    scene
        .root
        .patch(&path, &json!({"enabled": true}))
        .expect(200);
    scene.job();
    scene.root.delete(&path).expect(204);
    scene.exchange(&scene.issuer.token(AUDIENCE)).expect(400);
}

#[test]
fn the_cli_logs_a_job_in_without_a_secret() {
    let scene = scene();
    let admin = scene.system.cli_with_password();
    let created = admin.run(&[
        "trust-rule",
        "create",
        "--name",
        "main",
        "--service-token",
        "ci/deploy",
        "--issuer",
        scene.issuer.url(),
        "--condition",
        "repository=acme/*",
        "--condition",
        "ref=refs/heads/main",
        "--ttl",
        "120",
        "--output",
        "json",
    ]);
    let created = created.exits(0).json();
    assert_eq!(
        created["audience"],
        scene.system.url(),
        "the address of the workspace unless another is given"
    );
    let own = scene.own_name();
    let url = scene.system.url().to_owned();
    let request = format!("{}/job-token?api-version=2", scene.issuer.url());
    let github = [
        ("GITHUB_ACTIONS", "true"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", request.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", JOB_SECRET),
    ];
    let job = scene.system.cli();
    job.run_with(&github, &["login", &url, "--ci"]).exits(0);
    let who = job.run(&["whoami", "--output", "json"]).exits(0).json();
    assert_eq!(who["application_name"], "ci");
    job.run(&["exec", "-u", &own, "web", "echo from github"])
        .exits(0)
        .stdout_is("from github\n");

    let given = scene.issuer.token(&url);
    let gitlab = [("GITLAB_CI", "true"), ("ALPACON_ID_TOKEN", given.as_str())];
    let job = scene.system.cli();
    job.run_with(&gitlab, &["login", &url, "--ci"]).exits(0);
    job.run(&["exec", "-u", &own, "web", "echo from gitlab"])
        .exits(0)
        .stdout_is("from gitlab\n");
    job.run_with(&gitlab, &["login", &url, "--ci"])
        .exits(1)
        .stderr_has("exchanged before");

    let refused = [
        github[0],
        github[1],
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "wrong"),
    ];
    let job = scene.system.cli();
    job.run_with(&refused, &["login", &url, "--ci"])
        .exits(1)
        .stderr_has("HTTP 401");
    job.run_with(&[github[0]], &["login", &url, "--ci"])
        .exits(1)
        .stderr_has("id-token: write");
    job.run(&["login", &url, "--ci", "-t", "x"]).exits(2);
    job.run(&["login", &url, "--rule", "x"]).exits(2);

    let rows = admin
        .run(&["trust-rule", "ls", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(rows[0]["service_token"], "ci/deploy");
    admin.run(&["trust-rule", "disable", "main"]).exits(0);
    job.run_with(&github, &["login", &url, "--ci"])
        .exits(1)
        .stderr_has("No trust rule");
    admin
        .run(&["trust-rule", "delete", "main", "--yes"])
        .exits(0);
}

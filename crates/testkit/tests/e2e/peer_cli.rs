//! What the public Go CLI needs from the control plane: paths, shapes and types
//! (`rest-identity.md` §25, `rest-operations.md` §1, `realtime-client.md` §2).

use http::Method;
use serde_json::{Value, json};
use testkit::{Api, Credential, PublicAgent, System};

use crate::submit;

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn scene() -> (System, PublicAgent, Api) {
    let system = System::start();
    let agent = system.public_agent("host");
    let api = system.api();
    (system, agent, api)
}

#[test]
fn the_environment_says_how_to_log_in() {
    let (system, _agent, _api) = scene();
    let environment = system
        .anonymous()
        .get("/api/auth/env/?client=cli")
        .expect(200)
        .json();
    assert!(environment["auth0"]["method"].is_string(), "{environment}");
    let schema = environment["auth0"]["schema_name"].as_str().unwrap();
    assert!(!schema.is_empty());
}

#[test]
fn whoami_names_the_principal_of_every_credential() {
    let (system, _agent, api) = scene();
    let password = system.api_with_password();
    for (caller, method) in [(&api, "api_token"), (&password, "password")] {
        let who = caller.get("/api/auth/whoami/").expect(200).json();
        assert_eq!(who["principal_type"], "user", "{who}");
        assert_eq!(who["auth"]["method"], method, "{who}");
        assert!(who["auth"]["scopes"].is_array(), "{who}");
    }
    let status = api.get("/api/status/").expect(200);
    assert!(
        status
            .header("content-type")
            .starts_with("application/json")
    );
}

#[test]
fn both_authorization_forms_are_accepted() {
    let (system, _agent, api) = scene();
    let bare = Credential::Raw(format!("token={}", system.ready().api_token));
    api.as_caller(bare).get("/api/auth/whoami/").expect(200);
}

#[test]
fn the_own_user_is_served_with_and_without_a_slash() {
    let (_system, _agent, api) = scene();
    for path in ["/api/iam/users/-", "/api/iam/users/-/"] {
        let user = api.get(path).expect(200).json();
        assert!(user["id"].is_string(), "{user}");
        assert!(user["username"].is_string(), "{user}");
        assert_eq!(user["is_superuser"], true);
        assert!(user["uid"].is_i64(), "{user}");
    }
}

#[test]
fn server_rows_have_the_types_a_strict_reader_needs() {
    let (_system, agent, api) = scene();
    let page = api
        .get(&format!("/api/servers/servers/?name={}", agent.name()))
        .expect(200)
        .json();
    assert_eq!(page["count"], 1, "{page}");
    let server = &page["results"][0];
    assert_eq!(server["id"], json!(agent.id()));
    assert_eq!(server["name"], json!(agent.name()));
    for field in ["cpu_physical_cores", "cpu_logical_cores", "physical_memory"] {
        assert!(integer_or_null(&server[field]), "{field}: {server}");
    }
    assert!(server["load"].is_number() || server["load"].is_null());
    assert!(server["status"].is_object(), "{server}");
    assert!(
        server["status"]["meta"]["delay_now"].is_number(),
        "{server}"
    );
    assert!(server["groups"].is_array() || server["groups"].is_null());
    assert!(server["owner"].is_object() || server["owner"].is_null());
    assert!(server["boot_time"].is_null() || rfc3339(&server["boot_time"]));
    assert!(server["is_connected"].is_boolean());
    assert!(server["remote_ip"].is_string());
}

#[test]
fn names_are_matched_exactly() {
    let (_system, agent, api) = scene();
    for name in ["hos", "HOST", "host-", "", "ho%25"] {
        if name.is_empty() {
            continue;
        }
        let page = api
            .get(&format!("/api/servers/servers/?name={name}"))
            .expect(200)
            .json();
        assert_eq!(page["count"], 0, "{name}: {page}");
        assert_eq!(page["results"], json!([]));
    }
    drop(agent);
}

#[test]
fn pages_are_numbers_never_urls() {
    let (system, _agent, api) = scene();
    let _second = system.public_agent("other");
    let first = api
        .get("/api/servers/servers/?page=1&page_size=1")
        .expect(200)
        .json();
    assert_eq!(first["count"], 2);
    assert_eq!(first["next"], 2);
    assert_eq!(first["results"].as_array().unwrap().len(), 1);
    let last = api
        .get("/api/servers/servers/?page=2&page_size=1")
        .expect(200)
        .json();
    assert!(last["next"] == 0 || last["next"].is_null(), "{last}");
    assert_ne!(first["results"][0]["id"], last["results"][0]["id"]);
}

#[test]
fn a_null_body_stands_for_an_empty_one() {
    let (system, _agent, _api) = scene();
    let user = system.api_with_password();
    let answer = user.send(
        Method::POST,
        "/api/auth/logout/",
        Some(b"null".to_vec()),
        JSON,
    );
    assert!((200..300).contains(&answer.status), "{}", answer.text());
}

#[test]
fn writes_are_never_redirected() {
    let (_system, _agent, api) = scene();
    let answer = api.post("/api/work-sessions/sessions", &json!({}));
    assert!(!(300..400).contains(&answer.status), "{}", answer.status);
}

#[test]
fn an_update_may_send_the_whole_document_back() {
    let (_system, agent, api) = scene();
    let path = format!("/api/servers/servers/{}/", agent.id());
    let mut document = api.get(&path).expect(200).json();
    document["name"] = json!("renamed");
    document["from_the_future"] = json!(1.5);
    let answer = api.patch(&path, &document);
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    assert_eq!(api.get(&path).text_at("/name"), "renamed");
}

#[test]
fn submission_and_detail_have_the_documented_shape() {
    let (_system, agent, api) = scene();
    let answer = api.post(
        "/api/events/commands/",
        &crate::submission(agent.id(), "uptime", None),
    );
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    let submitted = answer.json();
    let element = &submitted.as_array().expect("an array")[0];
    assert_eq!(element["server"]["id"], json!(agent.id()));
    assert_eq!(element["line"], "uptime");
    assert!(rfc3339(&element["added_at"]), "{element}");
    assert!(element["run_after"].is_array());

    let path = format!("/api/events/commands/{}/", element["id"].as_str().unwrap());
    let detail = api.get(&path).expect(200).json();
    assert!(detail["status"].is_string());
    assert!(detail["success"].is_null() || detail["success"].is_boolean());
    assert!(integer_or_null(&detail["exit_code"]), "{detail}");
    assert!(detail["result"].is_string(), "{detail}");
    assert!(detail["cancellable"].is_boolean());
    assert!(detail["elapsed_time"].is_number());
    assert!(detail["response_delay"].is_number());
    assert!(detail["server"]["is_connected"].is_boolean());
    assert!(detail["requested_by"]["name"].is_string());
}

#[test]
fn command_lists_filter_by_path() {
    let (system, agent, api) = scene();
    let other = system.public_agent("other");
    let job = submit(&api, agent.id(), "echo here", None);
    let lines = |path: &str| -> Vec<String> {
        api.get(path).expect(200).json()["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["line"].as_str().unwrap().to_owned())
            .collect()
    };
    let user = api.get("/api/iam/users/-/").text_at("/id");
    let here = "echo here".to_owned();
    for path in [
        "/api/events/commands/".to_owned(),
        format!("/api/events/commands/{}/?page=1&page_size=25", agent.id()),
        format!("/api/events/commands/{}/{user}/", agent.id()),
        format!("/api/events/commands/{user}/"),
    ] {
        assert!(lines(&path).contains(&here), "{path}");
    }
    assert!(!lines(&format!("/api/events/commands/{}/", other.id())).contains(&here));
    let detail = api.get(&format!("/api/events/commands/{job}/")).json();
    assert_eq!(detail["line"], "echo here");
}

#[test]
fn the_event_channel_carries_output_and_the_end() {
    let (_system, agent, api) = scene();
    let session = api.post("/api/events/sessions/", &json!({}));
    assert!((200..300).contains(&session.status), "{}", session.text());
    let channel = session.text_at("/channel_id");
    let early = subscribe(&api, &channel, "command_fin", Some(agent.id()));
    assert!(
        (400..500).contains(&early),
        "subscribed before the channel was connected: {early}"
    );

    // The URL carries its own credential.
    let mut socket = api
        .as_caller(Credential::None)
        .socket_url(&session.text_at("/websocket_url"))
        .unwrap();
    let job = submit(&api, agent.id(), "true", None);
    for (kind, target) in [
        ("command_output", job.as_str()),
        ("command_fin", agent.id()),
    ] {
        let status = subscribe(&api, &channel, kind, Some(target));
        assert!((200..300).contains(&status), "{kind}: {status}");
    }
    assert_eq!(subscribe(&api, &channel, "no_such_type", None), 400);
    assert_eq!(subscribe(&api, &channel, "command_output", Some("x")), 400);

    agent.ack(&job).expect_success();
    agent.chunk(&job, 0, "one\n").expect_success();
    agent.chunk(&job, 1, "two\n").expect_success();
    agent.fin(&job, 0, "one\ntwo\n").expect_success();

    let mut output = Vec::new();
    loop {
        let frame = socket.next_json().expect("the channel stays open");
        match frame["event_type"].as_str().unwrap() {
            "command_output" => {
                assert_eq!(frame["payload"]["command_id"], json!(job));
                output.push((
                    frame["payload"]["seq"].as_i64().unwrap(),
                    frame["payload"]["content"].as_str().unwrap().to_owned(),
                ));
            }
            "command_fin" if frame["payload"]["id"] == json!(job) => break,
            _ => {}
        }
    }
    assert_eq!(output, [(0, "one\n".to_owned()), (1, "two\n".to_owned())]);
    // Published after the state was committed.
    let detail = api.get(&format!("/api/events/commands/{job}/")).json();
    assert_eq!(detail["success"], true, "{detail}");
}

fn subscribe(api: &Api, channel: &str, kind: &str, target: Option<&str>) -> u16 {
    let mut body = json!({"channel": channel, "event_type": kind});
    if let Some(target) = target {
        body["target_id"] = json!(target);
    }
    api.post("/api/events/subscriptions/", &body).status
}

#[test]
fn a_streamed_submission_carries_everything_in_one_answer() {
    let (system, _public, api) = scene();
    let agent = system.agent("real");
    let extensions =
        system.anonymous().get("/api/auth/env/?client=cli").json()["extensions"].clone();
    assert!(
        extensions
            .as_array()
            .unwrap()
            .contains(&json!("exec-stream/1")),
        "{extensions}"
    );
    let answer = api
        .send(
            Method::POST,
            "/api/events/commands/",
            Some(
                crate::submission(agent.id(), "seq 1 100; exit 4", None)
                    .to_string()
                    .into_bytes(),
            ),
            &[
                ("content-type", "application/json"),
                ("accept", "application/x-ndjson"),
            ],
        )
        .expect_success();
    assert!(
        answer
            .header("content-type")
            .starts_with("application/x-ndjson")
    );
    let lines: Vec<Value> = answer
        .text()
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.first().unwrap()["event"], "submitted");
    let last = lines.last().unwrap();
    assert_eq!(last["event"], "finished", "{last}");
    assert_eq!(last["command"]["exit_code"], 4);
    let output: String = lines
        .iter()
        .filter(|line| line["event"] == "output")
        .map(|line| line["content"].as_str().unwrap())
        .collect();
    let expected: String = (1..=100).map(|line| format!("{line}\n")).collect();
    assert_eq!(output, expected);
}

#[test]
fn answers_are_json_with_a_request_id_and_no_server_leaks() {
    let (_system, _agent, api) = scene();
    for path in [
        "/api/servers/servers/",
        "/api/no-such/",
        "/api/auth/whoami/",
    ] {
        let answer = api.get(path);
        assert!(
            answer
                .header("content-type")
                .starts_with("application/json"),
            "{path}"
        );
    }
    assert_eq!(
        api.get("/api/no-such/").expect(404).json(),
        json!({"detail": "Not found."})
    );
}

#[test]
fn health_metrics_and_the_api_document_are_served() {
    let (system, _agent, _api) = scene();
    let nobody = system.anonymous();
    nobody.get("/healthz").expect(200);
    nobody.get("/readyz").expect(200);
    let metrics = nobody.get("/metrics").expect(200).text();
    assert!(metrics.contains("# TYPE"), "{metrics}");
}

fn integer_or_null(value: &Value) -> bool {
    value.is_null() || value.is_i64() || value.is_u64()
}

fn rfc3339(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok())
}

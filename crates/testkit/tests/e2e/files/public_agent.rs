//! What the public Go agent is sent and answers, spoken by hand.

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Api, PublicAgent, System};

use super::{create_upload, failed, get, put, status, stranger, succeeded};

fn arguments(command: &Value) -> Value {
    assert_eq!(command["shell"], "internal");
    serde_json::from_str(command["data"].as_str().unwrap()).unwrap()
}

fn scene() -> (System, PublicAgent) {
    let system = System::start();
    let agent = system.public_agent("host");
    (system, agent)
}

/// Asks for the file at `path`.
#[track_caller]
fn create_download(api: &Api, agent: &PublicAgent, path: &str) -> Answer {
    let name = path.rsplit('/').next().unwrap();
    let body = json!({"path": path, "name": name, "server": agent.id(), "username": "",
                      "groupname": "", "resource_type": "file"});
    api.post("/api/webftp/downloads/", &body).expect(201)
}

#[test]
fn an_upload_is_ordered_fetched_and_reported() {
    let (system, mut agent) = scene();
    let api = system.api();
    let more = json!({"streaming": true});
    let created = create_upload(&api, agent.id(), "n.txt", "/srv/n.txt", &more).expect(201);
    put(&api, &created.text_at("/upload_url"), b"content").expect(200);
    let id = created.text_at("/id");
    api.get(&format!("/api/webftp/uploads/{id}/upload/"))
        .expect(200);
    // A second trigger orders nothing.
    api.get(&format!("/api/webftp/uploads/{id}/upload/"))
        .expect(200);
    let command = agent.next_command();
    assert_eq!(command["line"], "download");
    let data = arguments(&command);
    assert_eq!(data["type"], "url");
    assert_eq!(data["path"], "/srv/n.txt");
    assert_eq!(data["allow_overwrite"], true);
    assert_eq!(data["url"], format!("/api/webftp/uploads/{id}/"));
    for name in ["username", "groupname"] {
        assert!(
            !data[name].as_str().unwrap().is_empty(),
            "{name} must be named: {data}"
        );
    }
    let command = command["id"].as_str().unwrap().to_owned();
    agent.ack(&command).expect_success();
    let (_, path) = stranger(&api, data["content"].as_str().unwrap());
    assert_eq!(agent.api().get(&path).expect(200).body, b"content");
    agent
        .api()
        .post(
            &format!("/api/webftp/uploads/{id}/stat/"),
            &json!({"success": true, "message": "fine", "type": "upload"}),
        )
        .expect_success();
    agent.fin(&command, 0, "fine").expect_success();
    succeeded(&status(&api, "uploads", &id));
}

#[test]
fn a_download_is_ordered_sent_and_fetched() {
    let (system, mut agent) = scene();
    let api = system.api();
    let created = create_download(&api, &agent, "/srv/x");
    let id = created.text_at("/id");
    let command = agent.next_command();
    assert_eq!(command["line"], "upload");
    let data = arguments(&command);
    assert_eq!(data["paths"], json!(["/srv/x"]));
    assert_eq!(data["use_blob"], true);
    assert_eq!(data["url"], format!("/api/webftp/downloads/{id}/"));
    let command = command["id"].as_str().unwrap().to_owned();
    assert_eq!(created.text_at("/command"), command);
    agent.ack(&command).expect_success();
    // The public client looks at the command first.
    let seen = api
        .get(&format!("/api/events/commands/{command}/"))
        .expect(200)
        .json();
    assert_eq!(seen["success"], Value::Null);
    let (nobody, path) = stranger(&api, data["content"].as_str().unwrap());
    nobody
        .send(Method::PUT, &path, Some(b"from the host".to_vec()), &[])
        .expect(200);
    agent
        .api()
        .post(
            &format!("/api/webftp/downloads/{id}/stat/"),
            &json!({"success": true, "message": "", "type": "download"}),
        )
        .expect_success();
    agent.fin(&command, 0, "").expect_success();
    succeeded(&status(&api, "downloads", &id));
    let seen = api
        .get(&format!("/api/events/commands/{command}/"))
        .expect(200)
        .json();
    assert_eq!(seen["success"], true, "{seen}");
    let read = get(&api, &created.text_at("/download_url"), &[]).expect(200);
    assert_eq!(read.body, b"from the host");
}

#[test]
fn a_failed_end_without_a_report_fails_the_transfer() {
    let (system, mut agent) = scene();
    let api = system.api();
    let created = create_download(&api, &agent, "/none");
    let command = agent.next_command()["id"].as_str().unwrap().to_owned();
    agent.ack(&command).expect_success();
    agent
        .fin(&command, 1, "stat /none: no such file or directory")
        .expect_success();
    failed(
        &status(&api, "downloads", &created.text_at("/id")),
        "no such file or directory",
    );
    let read = get(&api, &created.text_at("/download_url"), &[]);
    assert_eq!(read.status, 410);
    assert!(read.text().contains("no such file"), "{}", read.text());
}

#[test]
fn success_without_content_is_no_success() {
    let (system, mut agent) = scene();
    let api = system.api();
    let created = create_download(&api, &agent, "/x");
    let id = created.text_at("/id");
    let _command = agent.next_command();
    agent
        .api()
        .post(
            &format!("/api/webftp/downloads/{id}/stat/"),
            &json!({"success": true, "message": "", "type": "download"}),
        )
        .expect_success();
    failed(&status(&api, "downloads", &id), "never was in the store");
}

#[test]
fn relative_paths_need_a_known_home_and_rules_need_an_agent_that_keeps_them() {
    let (system, agent) = scene();
    let api = system.api();
    let body = json!({"path": "/x", "name": "x", "server": "018f0000-0000-7000-8000-000000000000",
                      "username": "", "groupname": "", "resource_type": "file"});
    api.post("/api/webftp/downloads/", &body).expect(404);
    let missing = json!({"path": "/x", "name": "x"});
    api.post("/api/webftp/downloads/", &missing)
        .refuses(400, "api_insufficient_data");
    let upload = create_upload(&api, agent.id(), "x", "relative/x", &json!({}));
    upload.refuses(400, "invalid_input");
}

#[test]
fn a_server_that_is_away_is_said_to_be() {
    let (system, agent) = scene();
    let api = system.api();
    let server = agent.id().to_owned();
    drop(agent);
    system.wait_connected(&server, false);
    create_upload(&api, &server, "x", "/x", &json!({})).refuses(409, "server_not_connected");
}

//! File transfers through the real control plane and agent, over REST as clients
//! speak it.

mod agent_way;
mod authority;
mod browse;
mod cli;
mod cli_faults;
mod cli_forms;
mod content;
mod faults;
mod links;
mod memory;
mod policy;
mod public_agent;
mod revocation;
mod s3;
mod way;

use std::path::{Path, PathBuf};

use http::Method;
use serde_json::{Value, json};
use testkit::{Agent, Answer, Api, Credential, System, eventually};

/// A system with one agent and a folder that stands for the host's files.
struct Scene {
    system: System,
    agent: Agent,
    api: Api,
    host: PathBuf,
}

fn scene() -> Scene {
    let system = System::start();
    let agent = system.agent("host");
    let host = system.folder().join("host-files");
    std::fs::create_dir(&host).unwrap();
    Scene {
        api: system.api(),
        system,
        agent,
        host,
    }
}

impl Scene {
    fn path(&self, name: &str) -> String {
        self.host.join(name).to_str().unwrap().to_owned()
    }

    /// Creates an upload.
    #[track_caller]
    fn create(&self, name: &str, path: &str, more: &Value) -> Answer {
        create_upload(&self.api, self.agent.id(), name, path, more)
    }

    /// Uploads and gives the final status.
    #[track_caller]
    fn upload(&self, name: &str, path: &str, content: &[u8], more: &Value) -> Value {
        let created = self.create(name, path, more).expect(201);
        put(&self.api, &created.text_at("/upload_url"), content).expect(200);
        if more.get("streaming").is_none() {
            let id = created.text_at("/id");
            self.api
                .get(&format!("/api/webftp/uploads/{id}/upload/"))
                .expect(200);
        }
        status(&self.api, "uploads", &created.text_at("/id"))
    }

    /// Creates a download.
    #[track_caller]
    fn ask(&self, path: &str, kind: &str) -> Answer {
        self.api.post(
            "/api/webftp/downloads/",
            &json!({
                "path": path,
                "name": Path::new(path).file_name().map_or("", |name| name.to_str().unwrap()),
                "server": self.agent.id(),
                "username": "",
                "groupname": "",
                "resource_type": kind,
            }),
        )
    }

    /// Downloads; gives the final status and what was read.
    #[track_caller]
    fn download(&self, path: &str, kind: &str) -> (Value, Answer) {
        let created = self.ask(path, kind).expect(201);
        let content = get(&self.api, &created.text_at("/download_url"), &[]);
        let status = status(&self.api, "downloads", &created.text_at("/id"));
        (status, content)
    }
}

#[track_caller]
fn create_upload(api: &Api, server: &str, name: &str, path: &str, more: &Value) -> Answer {
    let body = json!({
        "name": name,
        "path": path,
        "server": server,
        "username": "",
        "groupname": "",
        "allow_overwrite": true,
        "allow_unzip": false,
    });
    api.post("/api/webftp/uploads/", &crate::changed(body, more))
}

/// The path of a signed link, called without any other credential.
fn stranger(api: &Api, link: &str) -> (Api, String) {
    let path = link
        .strip_prefix(api.url())
        .expect("a link to the server itself");
    (api.as_caller(Credential::None), path.to_owned())
}

/// Sends what of `content` has not arrived.
#[track_caller]
fn put_rest(api: &Api, path: &str, content: &[u8], arrived: usize) -> Answer {
    let range = format!("bytes {arrived}-{}/{}", content.len() - 1, content.len());
    let rest = content[arrived..].to_vec();
    api.send(Method::PUT, path, Some(rest), &[("content-range", &range)])
}

#[track_caller]
fn put(api: &Api, link: &str, content: &[u8]) -> Answer {
    let (api, path) = stranger(api, link);
    api.send(Method::PUT, &path, Some(content.to_vec()), &[])
}

#[track_caller]
fn get(api: &Api, link: &str, headers: &[(&str, &str)]) -> Answer {
    let (api, path) = stranger(api, link);
    api.send(Method::GET, &path, None, headers)
}

/// Waits for the end of a transfer.
#[track_caller]
fn status(api: &Api, kind: &str, id: &str) -> Value {
    eventually("the transfer has ended", || {
        let answer = api.get(&format!("/api/webftp/{kind}/{id}/status/?wait=5"));
        let status = answer.expect(200).json();
        status["success"].is_boolean().then_some(status)
    })
}

#[track_caller]
fn succeeded(status: &Value) {
    assert_eq!(status["success"], true, "{status}");
}

#[track_caller]
fn failed(status: &Value, reason: &str) {
    assert_eq!(status["success"], false, "{status}");
    let message = status["message"].as_str().unwrap();
    assert!(
        message.contains(reason),
        "{message:?} does not say {reason:?}"
    );
}

/// Names of everything in a folder, hidden things too.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn pseudo_random(length: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        })
        .collect()
}

//! Content in an S3-compatible store: a real one, on this machine, that checks the
//! signature of every request.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use serde_json::json;
use testkit::{Options, System};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::{Scene, failed, pseudo_random, status, succeeded};

const BUCKET: &str = "transfers";

/// A store that lives as long as this value.
pub(super) struct Store {
    runtime: Runtime,
    endpoint: String,
    client: reqwest::Client,
    /// Requests for a part of something.
    parts: Arc<AtomicUsize>,
}

impl Store {
    fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder.join(BUCKET)).unwrap();
        let runtime = Runtime::new().unwrap();
        let files = s3s_fs::FileSystem::new(folder).unwrap();
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single("key", "secret"));
        let service = builder.build();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let parts = Arc::new(AtomicUsize::new(0));
        let counted = parts.clone();
        runtime.spawn(async move {
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let server = Arc::new(server);
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (server, service) = (server.clone(), service.clone());
                let counted = counted.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let is_part = request.headers().contains_key(http::header::RANGE);
                    counted.fetch_add(usize::from(is_part), Ordering::SeqCst);
                    Service::call(&service, request)
                });
                tokio::spawn(async move {
                    let _ended = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        let tls = transport::tls::client_config(&transport::tls::Trust::System).unwrap();
        let options = transport::http::HttpOptions {
            user_agent: "test".to_owned(),
            environment_proxy: false,
        };
        Self {
            client: transport::http::client(&tls, &options).unwrap(),
            runtime,
            endpoint,
            parts,
        }
    }

    /// How often a part of something was asked for.
    pub(super) fn parts(&self) -> usize {
        self.parts.load(Ordering::SeqCst)
    }

    fn options(&self) -> Options {
        let set = |key: &str, value: &str| (format!("ALPACON_OBJECTS__{key}"), value.to_owned());
        Options {
            environment: vec![
                set("BUCKET", BUCKET),
                set("ENDPOINT", &self.endpoint),
                set("ACCESS_KEY_ID", "key"),
                set("SECRET_ACCESS_KEY", "secret"),
                set("ALLOW_HTTP", "true"),
            ],
            ..Options::default()
        }
    }

    /// Calls a presigned URL with nothing else.
    fn call(&self, method: Method, url: &str, body: Option<Vec<u8>>) -> (StatusCode, Vec<u8>) {
        assert!(
            url.starts_with(&self.endpoint),
            "{url} does not lead to the store"
        );
        self.runtime.block_on(async {
            // Each on a connection of its own: a store closes those it refused on, and
            // nobody knows whether that is before the next request or after.
            let request = self.client.request(method, url);
            let mut request = request.header(http::header::CONNECTION, "close");
            if let Some(body) = body {
                request = request.body(body);
            }
            let response = request.send().await.unwrap();
            (response.status(), response.bytes().await.unwrap().to_vec())
        })
    }
}

pub(super) fn scene(folder: &tempfile::TempDir) -> (Store, Scene) {
    let store = Store::start(folder.path());
    let system = System::with(&store.options());
    let agent = system.agent("host");
    let host = system.folder().join("host-files");
    std::fs::create_dir(&host).unwrap();
    let scene = Scene {
        api: system.api(),
        system,
        agent,
        host,
    };
    (store, scene)
}

#[test]
fn content_goes_through_the_store_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let (store, scene) = scene(&folder);
    let content = pseudo_random(2_000_000);
    let more = json!({"size": content.len()});
    let created = scene.create("x", &scene.path("x"), &more).expect(201);
    let url = created.text_at("/upload_url");
    let forged = url.replace("X-Amz-Signature=", "X-Amz-Signature=0");
    // Refused before it is read: more than fits in one packet might never be answered.
    let (refused, _) = store.call(Method::PUT, &forged, Some(b"x".to_vec()));
    assert!(refused.is_client_error(), "a forged signature: {refused}");
    let (read, _) = store.call(Method::GET, &url, None);
    assert!(read.is_client_error(), "a URL for writing reads: {read}");
    let (put, said) = store.call(Method::PUT, &url, Some(content.clone()));
    assert_eq!(put, StatusCode::OK, "{}", String::from_utf8_lossy(&said));
    let id = created.text_at("/id");
    scene
        .api
        .get(&format!("/api/webftp/uploads/{id}/upload/"))
        .expect(200);
    let ended = status(&scene.api, "uploads", &id);
    succeeded(&ended);
    assert_eq!(ended["size"], 2_000_000);
    assert_eq!(std::fs::read(scene.path("x")).unwrap(), content);

    let asked = scene.ask(&scene.path("x"), "file").expect(201);
    let ended = status(&scene.api, "downloads", &asked.text_at("/id"));
    succeeded(&ended);
    let (read, bytes) = store.call(Method::GET, &asked.text_at("/download_url"), None);
    assert_eq!((read, bytes), (StatusCode::OK, content));

    // An archive has no length before it is written; the store wants one.
    std::fs::create_dir(scene.path("tree")).unwrap();
    std::fs::write(scene.path("tree/file"), "in the tree").unwrap();
    let asked = scene.ask(&scene.path("tree"), "folder").expect(201);
    succeeded(&status(&scene.api, "downloads", &asked.text_at("/id")));
    let (read, bytes) = store.call(Method::GET, &asked.text_at("/download_url"), None);
    assert_eq!(read, StatusCode::OK);
    assert!(bytes.starts_with(b"PK"));
}

#[test]
fn what_never_reached_the_store_is_said_and_what_is_over_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (store, scene) = scene(&folder);
    let created = scene.create("x", &scene.path("x"), &json!({})).expect(201);
    let trigger = format!("/api/webftp/uploads/{}/upload/", created.text_at("/id"));
    assert_eq!(scene.api.get(&trigger).status, 409);
    let (put, _) = store.call(
        Method::PUT,
        &created.text_at("/upload_url"),
        Some(b"x".to_vec()),
    );
    assert_eq!(put, StatusCode::OK);
    scene.api.get(&trigger).expect(200);
    succeeded(&status(&scene.api, "uploads", &created.text_at("/id")));
    let empty = || {
        let workspaces = std::fs::read_dir(folder.path().join(BUCKET)).unwrap();
        workspaces.flatten().all(|workspace| {
            std::fs::read_dir(workspace.path()).is_ok_and(|mut files| files.next().is_none())
        })
    };
    testkit::eventually("the delivered content is removed", || empty().then_some(()));
    failed(
        &status(
            &scene.api,
            "downloads",
            &scene.ask("/none", "file").expect(201).text_at("/id"),
        ),
        "no such file or directory",
    );
    // Nothing of ours takes content here.
    let local = scene.system.data().join("objects");
    assert!(super::names(&local).is_empty());
}

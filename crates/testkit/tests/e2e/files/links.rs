//! A signed link is for one object, one method, once, and some time.

use http::Method;
use serde_json::json;

use super::{Scene, get, put, scene, status, stranger, succeeded};

/// An upload and a download that have links.
fn links(scene: &Scene) -> (String, String, String) {
    let created = scene.create("a", &scene.path("a"), &json!({})).expect(201);
    std::fs::write(scene.path("b"), "content of b").unwrap();
    let asked = scene.ask(&scene.path("b"), "file").expect(201);
    (
        created.text_at("/upload_url"),
        asked.text_at("/download_url"),
        asked.text_at("/id"),
    )
}

#[test]
fn links_do_what_they_are_for_and_nothing_else() {
    let scene = scene();
    let (upload, download, _) = links(&scene);
    for (link, methods) in [
        (
            &upload,
            [Method::GET, Method::POST, Method::DELETE, Method::PATCH],
        ),
        (
            &download,
            [Method::PUT, Method::POST, Method::DELETE, Method::HEAD],
        ),
    ] {
        let (api, path) = stranger(&scene.api, link);
        for method in methods {
            let answer = api.send(method.clone(), &path, None, &[]);
            assert!(
                matches!(answer.status, 403 | 405),
                "{method}: {}",
                answer.status
            );
        }
    }
    // The id of one with the signature of the other, and every changed part.
    let id_of = |link: &str| link.split('/').nth(6).unwrap().to_owned();
    let swapped = upload.replace(&id_of(&upload), &id_of(&download));
    let longer = upload.replacen("expires=", "expires=1", 1);
    let other = upload.replace("access=write", "access=read");
    let unsigned = upload.split("&signature").next().unwrap().to_owned();
    for link in [&swapped, &longer, &other, &unsigned] {
        let answer = put(&scene.api, link, b"x");
        assert_eq!(answer.status, 403, "{link}");
        assert_eq!(get(&scene.api, link, &[]).status, 403, "{link}");
    }
    // As somebody who is logged in, too: a login opens nothing here.
    let (_, path) = stranger(&scene.api, &unsigned);
    assert_eq!(scene.api.get(&path).status, 403);
}

#[test]
fn content_is_taken_once_and_given_once() {
    let scene = scene();
    let (upload, download, id) = links(&scene);
    put(&scene.api, &upload, b"first").expect(200);
    put(&scene.api, &upload, b"second").expect(409);
    assert_eq!(
        get(&scene.api, &download, &[]).expect(200).body,
        b"content of b"
    );
    succeeded(&status(&scene.api, "downloads", &id));
    testkit::eventually("a link that was used is used up", || {
        (get(&scene.api, &download, &[]).status == 410).then_some(())
    });
    // Whoever was cut off may still ask for the rest.
    let rest = get(&scene.api, &download, &[("range", "bytes=8-")]).expect(206);
    assert_eq!(rest.body, b"of b");
    assert_eq!(rest.header("content-range"), "bytes 8-11/12");
}

#[test]
fn expired_links_and_expired_transfers_are_over() {
    let scene = scene();
    let (upload, ..) = links(&scene);
    put(&scene.api, &upload, b"first").expect(200);
    let folder = scene.system.data().join("objects");
    assert!(!super::names(&folder).is_empty());
    // The clock of the control plane ends what expired, and removes its content.
    let database = scene.system.database();
    database.execute("UPDATE transfers SET expires_at = '2020-01-01 00:00:00+00:00'");
    testkit::eventually("nothing is stored any more", || {
        super::names(&folder).is_empty().then_some(())
    });
    assert_eq!(put(&scene.api, &upload, b"again").status, 410);
}

#[test]
fn an_upload_goes_on_where_it_broke() {
    let scene = scene();
    let created = scene.create("a", &scene.path("a"), &json!({})).expect(201);
    let link = created.text_at("/upload_url");
    let (api, path) = stranger(&scene.api, &link);
    let offset = || {
        let answer = api.send(Method::HEAD, &path, None, &[]).expect(200);
        answer.header("upload-offset").parse::<usize>().unwrap()
    };
    assert_eq!(offset(), 0);
    let content = super::pseudo_random(100_000);
    // A body that ends before its announced length.
    super::faults::cut_put(&link, &content, 40_000);
    testkit::eventually("what came is kept", || (offset() > 0).then_some(()));
    testkit::eventually("the broken sender is gone", || {
        let arrived = offset();
        let answer = super::put_rest(&api, &path, &content, arrived);
        (answer.status == 200).then_some(())
    });
    scene
        .api
        .get(&format!(
            "/api/webftp/uploads/{}/upload/",
            created.text_at("/id")
        ))
        .expect(200);
    succeeded(&status(&scene.api, "uploads", &created.text_at("/id")));
    assert_eq!(std::fs::read(scene.path("a")).unwrap(), content);
    for range in [
        "bytes 5-99999/100000",
        "bytes 0-5/100000",
        "bytes x",
        "bytes 200000-200001/200002",
    ] {
        let created = scene.create("b", &scene.path("b"), &json!({})).expect(201);
        let (api, path) = stranger(&scene.api, &created.text_at("/upload_url"));
        let answer = api.send(
            Method::PUT,
            &path,
            Some(b"x".to_vec()),
            &[("content-range", range)],
        );
        assert!(
            matches!(answer.status, 400 | 409),
            "{range}: {}",
            answer.status
        );
    }
}

//! Every form of every page, found in the source of the control plane: none takes what
//! another site sends. A new form is among them without being added.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use testkit::System;

/// Source files of the control plane.
fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    files
}

/// Paths of the routes that take a POST outside the API.
fn forms() -> BTreeSet<String> {
    let files = sources();
    let mut found = BTreeSet::new();
    for (file, text) in &files {
        for route in text.split(".route(").skip(1) {
            let ends = [".route(", ";", "\n}"].map(|end| route.find(end));
            let end = ends.into_iter().flatten().min();
            let route = &route[..end.unwrap_or(route.len())];
            let (path, handlers) = route.split_once(',').unwrap_or_default();
            if handlers.contains("post(") {
                found.insert(resolve(path.trim(), file, &files));
            }
        }
    }
    // What proves itself by a signature of its own.
    found.retain(|path| !path.starts_with("/api/"));
    // Registered through a function that serves both spellings.
    found.insert("/oauth/authorize/".to_owned());
    found
}

/// The path that a literal or the name of a constant stands for.
fn resolve(path: &str, file: &Path, files: &[(PathBuf, String)]) -> String {
    if let Some(literal) = path.strip_prefix('"') {
        return literal.trim_end_matches('"').to_owned();
    }
    let (module, name) = path.rsplit_once("::").unwrap_or(("", path));
    let defined = |(_, text): &&(PathBuf, String)| -> Option<String> {
        let rest = text.split(&format!("const {name}: &str = \"")).nth(1)?;
        rest.split('"').next().map(str::to_owned)
    };
    let of_module = |(path, _): &&(PathBuf, String)| {
        path == file || path.file_stem().is_some_and(|stem| stem == module)
    };
    let near = files.iter().filter(of_module).find_map(|one| defined(&one));
    let all: Vec<String> = files.iter().filter_map(|one| defined(&one)).collect();
    match (near, all.as_slice()) {
        (Some(near), _) => near,
        (None, [only]) => only.clone(),
        _ => panic!("what is {path} in {}: {all:?}", file.display()),
    }
}

/// A path whose parameters have a value.
fn filled(path: &str) -> String {
    let id = uuid::Uuid::now_v7().to_string();
    let parts = path.split('/').map(|part| match part.starts_with('{') {
        true => id.as_str(),
        false => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[test]
fn no_form_takes_what_another_site_sends() {
    let system = System::start();
    let superuser = &system.ready().superuser;
    let visitor = system.visitor();
    visitor
        .sign_in(&superuser.username, &superuser.password, "/")
        .expect(303);
    let csrf = visitor.get("/").expect(200).field("csrf");
    let own = system.url().to_owned();
    let forms = forms();
    for known in ["/login/", "/logout/", "/device/", "/mfa/{token}/", "/join/"] {
        assert!(forms.contains(known), "{known} is not in {forms:?}");
    }
    let right = [("csrf", csrf.as_str())];
    let wrong = [("csrf", "x")];
    for form in &forms {
        let path = filled(form);
        for (fields, headers) in [
            (&right[..], vec![("origin", "https://evil.example")]),
            (&right[..], vec![("origin", "null")]),
            (&right[..], vec![]),
            (
                &right[..],
                vec![("origin", own.as_str()), ("sec-fetch-site", "cross-site")],
            ),
            (&wrong[..], vec![("origin", own.as_str())]),
            (&[][..], vec![("origin", own.as_str())]),
        ] {
            let answer = visitor.post_with(&path, fields, &headers);
            assert_eq!(answer.status(), 403, "{form} {fields:?} {headers:?}");
        }
    }
    visitor.get("/").expect(200);
}

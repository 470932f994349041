//! Groups: who sees what through them, and who says who is in them.

use serde_json::json;

use super::{GROUPS, MEMBERSHIPS, Person, member, scene};
use crate::id;

#[test]
fn the_built_in_group_holds_everyone_for_good() {
    let scene = scene();
    let agent = scene.system.public_agent("host");
    let uma = scene.person("uma", &json!({}));
    let group = scene.built_in();
    assert_eq!(group["num_members"], 2, "{group}");
    assert_eq!(group["members_names"].as_array().unwrap().len(), 2);
    assert_eq!(group["servers"][0]["id"], json!(agent.id()));
    assert!(group["gid"].as_i64().unwrap() > 0);
    let group = id(&group);
    scene.root.delete(&format!("{GROUPS}{group}/")).expect(403);
    scene
        .root
        .post(MEMBERSHIPS, &member(&group, &uma.id, "owner"))
        .expect(403);
    let query = format!("{MEMBERSHIPS}?group={group}&user={}", uma.id);
    let rows = scene.root.get(&query).expect(200).json();
    assert_eq!(rows[0]["role"], "member", "{rows}");
    let path = format!("{MEMBERSHIPS}{}/", id(&rows[0]));
    scene.root.delete(&path).expect(403);
    uma.api.delete(&path).expect(403);
    let again = json!({"name": "alpacon", "display_name": "x", "servers": []});
    scene.root.post(GROUPS, &again).expect(409);
}

#[test]
fn a_group_shows_its_servers_to_its_members_only() {
    let scene = scene();
    let agent = scene.system.public_agent("host");
    let server = format!("/api/servers/servers/{}/", agent.id());
    let uma = scene.person("uma", &json!({}));
    uma.api.get(&server).expect(200);
    scene.hide(agent.id());
    uma.api.get(&server).expect(404);
    let group = scene.group("ops", &[agent.id()]);
    let shown = uma.api.get(&format!("{GROUPS}{group}/")).expect(200).json();
    assert_eq!(shown["servers"], json!([]), "{shown}");

    let made = scene
        .root
        .post(MEMBERSHIPS, &member(&group, &uma.id, "Member"));
    let made = made.expect(201).json();
    assert_eq!(made["role"], "member", "{made}");
    assert_eq!(made["group_name"], "ops");
    assert_eq!(made["user"]["id"], json!(uma.id));
    scene
        .root
        .post(MEMBERSHIPS, &member(&group, &uma.id, "manager"))
        .expect(409);
    uma.api.get(&server).expect(200);
    let shown = uma.api.get(&format!("{GROUPS}{group}/")).expect(200).json();
    assert_eq!(shown["servers"][0]["id"], json!(agent.id()), "{shown}");

    scene
        .root
        .delete(&format!("{MEMBERSHIPS}{}/", id(&made)))
        .expect(204);
    uma.api.get(&server).expect(404);
    scene.root.delete(&format!("{GROUPS}{group}/")).expect(204);
    scene.root.get(&server).expect(200);
}

#[test]
fn whoever_leaves_a_group_no_longer_hears_of_its_servers() {
    let scene = scene();
    let agent = scene.system.public_agent("host");
    scene.hide(agent.id());
    let group = scene.group("ops", &[agent.id()]);
    let uma = scene.person("uma", &json!({}));
    let body = member(&group, &uma.id, "member");
    let membership = id(&scene.root.post(MEMBERSHIPS, &body).expect(201).json());
    let session = uma.api.post("/api/events/sessions/", &json!(null));
    let session = session.expect(201).json();
    let url = session["websocket_url"].as_str().unwrap();
    let mut channel = uma.api.socket_url(url).unwrap();
    let subscription = json!({
        "channel": session["channel_id"],
        "event_type": "command_fin",
        "target_id": agent.id(),
    });
    let path = "/api/events/subscriptions/";
    uma.api.post(path, &subscription).expect(201);
    scene
        .root
        .delete(&format!("{MEMBERSHIPS}{membership}/"))
        .expect(204);
    assert_eq!(channel.next_json(), None, "the channel is closed");
    assert!(uma.api.socket_url(url).is_err(), "and stays closed");
    assert!(uma.api.post(path, &subscription).status >= 400);
}

#[test]
fn nobody_promotes_themselves_in_a_group() {
    let scene = scene();
    let group = scene.group("ops", &[]);
    let outsider = scene.person("otto", &json!({}));
    let plain = scene.person("uma", &json!({}));
    let manager = scene.person("mia", &json!({}));
    let staff = scene.person("sally", &json!({"is_staff": true}));
    let mut memberships = Vec::new();
    for (person, role) in [(&plain, "member"), (&manager, "MANAGER")] {
        let body = member(&group, &person.id, role);
        memberships.push(id(&scene.root.post(MEMBERSHIPS, &body).expect(201).json()));
    }
    let add = |by: &Person, whom: &Person, role: &str| {
        by.api.post(MEMBERSHIPS, &member(&group, &whom.id, role))
    };
    for role in ["member", "manager", "owner"] {
        add(&outsider, &outsider, role).expect(403);
        add(&plain, &plain, role).expect(403);
        add(&plain, &outsider, role).expect(403);
    }
    add(&manager, &manager, "owner").expect(403);
    add(&manager, &outsider, "owner").expect(403);
    add(&staff, &staff, "owner").expect(403);
    let query = format!("{MEMBERSHIPS}?group={group}&user={}", scene.own_id());
    let owner = id(&scene.root.get(&query).expect(200).json()[0]);
    manager
        .api
        .delete(&format!("{MEMBERSHIPS}{owner}/"))
        .expect(403);
    plain
        .api
        .delete(&format!("{MEMBERSHIPS}{}/", memberships[1]))
        .expect(403);
    plain
        .api
        .patch(&format!("{GROUPS}{group}/"), &json!({"description": "x"}))
        .expect(403);
    manager
        .api
        .patch(&format!("{GROUPS}{group}/"), &json!({"description": "x"}))
        .expect(200);
    add(&manager, &outsider, "member").expect(201);
    add(&scene.owner(), &staff, "owner").expect(201);
    // Whoever leaves does not come back by themselves.
    manager
        .api
        .delete(&format!("{MEMBERSHIPS}{}/", memberships[1]))
        .expect(204);
    add(&manager, &manager, "member").expect(403);
    scene
        .root
        .post(MEMBERSHIPS, &member(&group, &plain.id, "king"))
        .refuses(400, "invalid_choice");
}

#[test]
fn staff_group_only_the_servers_they_see() {
    let scene = scene();
    let (hidden, seen) = (
        scene.system.public_agent("hidden"),
        scene.system.public_agent("seen"),
    );
    scene.hide(hidden.id());
    let staff = scene.person("sally", &json!({"is_staff": true}));
    let body = json!({"name": "grab", "display_name": "g", "servers": [hidden.id()]});
    staff.api.post(GROUPS, &body).expect(400);
    let group = scene.group("ops", &[hidden.id(), seen.id()]);
    let path = format!("{GROUPS}{group}/");
    let mut document = staff.api.get(&path).expect(200).json();
    assert_eq!(document["servers"].as_array().unwrap().len(), 1);
    // Sent back without the server they see; the one they do not see stays.
    document["servers"] = json!([]);
    document["name"] = json!("renamed");
    let changed = staff.api.patch(&path, &document).expect(200).json();
    assert_eq!(changed["name"], "ops", "a name stays");
    let left = scene.root.get(&path).expect(200).json();
    assert_eq!(left["servers"].as_array().unwrap().len(), 1, "{left}");
    assert_eq!(left["servers"][0]["id"], json!(hidden.id()));
    let plain = scene.person("uma", &json!({}));
    plain
        .api
        .patch(&path, &json!({"servers": [seen.id()]}))
        .expect(403);
    plain.api.post(GROUPS, &body).expect(403);
    plain.api.delete(&path).expect(403);
}

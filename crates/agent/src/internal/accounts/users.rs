//! `adduser`, `deluser` and `moduser`.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Gid, Group};
use serde::Deserialize;

use super::super::{Answer, arguments, require_root, tool};
use super::{by_family, find_user, groups, valid};
use crate::config::file::create_folder;
use crate::platform::Family;

const TIMEOUT: Duration = Duration::from_secs(120);
const DELETE_TIMEOUT: Duration = Duration::from_secs(300);
const HOMES: &str = "/home";
/// What `adduser` gives a home by itself.
const USUAL_PERMISSION: &str = "0755";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AddArguments {
    username: String,
    uid: u32,
    gid: u32,
    comment: String,
    home_directory: String,
    home_directory_permission: String,
    shell: String,
    groupname: String,
    groups: Vec<u32>,
    is_service_account: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DeleteArguments {
    username: String,
    purge_home: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ModifyArguments {
    username: String,
    groupnames: Option<Vec<String>>,
    comment: String,
}

/// Adds a user.
pub(super) async fn add(family: Family, data: &str) -> Result<Answer, Answer> {
    let wanted: AddArguments = arguments(data)?;
    let permission = wanted.check()?;
    require_root("adduser")?;
    if wanted.is_service_account && wanted.gid == 0 {
        let made = tool::run("/usr/sbin/groupadd", &["-f", &wanted.groupname], TIMEOUT).await;
        if made.exit_code != 0 {
            return Err(made);
        }
    }
    let mut result = match find_user(&wanted.username)? {
        Some(user) if wanted.uid != 0 && user.uid.as_raw() != wanted.uid => {
            return Err(Answer::failed(format!(
                "user {} exists with uid {}, not {}",
                wanted.username, user.uid, wanted.uid
            )));
        }
        Some(_) => format!("User {} exists already.\n", wanted.username),
        None => wanted.create(family, permission).await?,
    };
    if let Some(problem) = wanted.join_groups().await {
        result.push_str(&problem);
    }
    Ok(Answer::done(result))
}

impl AddArguments {
    /// The home's permission, if all is well.
    fn check(&self) -> Result<u32, Answer> {
        valid::name("username", &self.username)?;
        valid::name("groupname", &self.groupname)?;
        valid::required("comment", &self.comment)?;
        valid::text("comment", &self.comment)?;
        valid::required("shell", &self.shell)?;
        valid::path("shell", &self.shell)?;
        if !self.is_service_account {
            valid::required("home_directory", &self.home_directory)?;
            for (field, number) in [("uid", self.uid), ("gid", self.gid)] {
                if number == 0 {
                    return Err(Answer::failed(format!("{field}: must be at least 1")));
                }
            }
        }
        if !self.home_directory.is_empty() {
            valid::path("home_directory", &self.home_directory)?;
        }
        valid::permission("home_directory_permission", self.permission())
    }

    fn permission(&self) -> &str {
        match self.home_directory_permission.as_str() {
            "" => USUAL_PERMISSION,
            given => given,
        }
    }

    /// Creates the account; the tool's words.
    async fn create(&self, family: Family, permission: u32) -> Result<String, Answer> {
        if family == Family::Rhel && self.gid != 0 {
            let group = groups::ensure(family, &self.groupname, self.gid).await?;
            if group.exit_code != 0 {
                return Err(group);
            }
        }
        let (program, arguments) = self.creation(family);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let made = tool::run(program, &arguments, TIMEOUT).await;
        let exists = find_user(&self.username)?
            .is_some_and(|user| self.uid == 0 || user.uid.as_raw() == self.uid);
        if made.exit_code != 0 && !exists {
            return Err(made);
        }
        if !self.home_directory.is_empty() && self.permission() != USUAL_PERMISSION {
            let mode = std::fs::Permissions::from_mode(permission);
            std::fs::set_permissions(&self.home_directory, mode).map_err(|error| {
                Answer::failed(format!(
                    "user {} exists, but {} cannot be given permission {}: {error}",
                    self.username,
                    self.home_directory,
                    self.permission()
                ))
            })?;
        }
        Ok(made.result)
    }

    fn creation(&self, family: Family) -> (&'static str, Vec<String>) {
        let mut arguments = Vec::new();
        let mut option = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        let debian = family == Family::Debian;
        if !self.home_directory.is_empty() {
            let name = if debian { "--home" } else { "--home-dir" };
            option(name, self.home_directory.clone());
        }
        option("--shell", self.shell.clone());
        if self.uid != 0 {
            option("--uid", self.uid.to_string());
        }
        match (self.gid, debian) {
            (0, true) => option("--ingroup", self.groupname.clone()),
            (0, false) => option("--gid", self.groupname.clone()),
            (gid, _) => option("--gid", gid.to_string()),
        }
        if debian {
            option("--gecos", self.comment.clone());
            arguments.push("--disabled-password".to_owned());
        } else {
            option("--comment", self.comment.clone());
            arguments.push("--create-home".to_owned());
        }
        arguments.push(self.username.clone());
        let program = by_family(family, "/usr/sbin/adduser", "/usr/sbin/useradd");
        (program, arguments)
    }

    /// Adds the user to further groups; what went wrong, which is no failure.
    async fn join_groups(&self) -> Option<String> {
        let names: Vec<String> = self
            .groups
            .iter()
            .filter_map(|gid| Group::from_gid(Gid::from_raw(*gid)).ok().flatten())
            .map(|group| group.name)
            .collect();
        if names.is_empty() {
            return None;
        }
        let list = names.join(",");
        let arguments = ["-a", "-G", &list, &self.username];
        let answer = tool::run("/usr/sbin/usermod", &arguments, TIMEOUT).await;
        (answer.exit_code != 0).then(|| format!("not added to {list}: {}\n", answer.result))
    }
}

/// Removes a user. The home is kept under another name unless it is to go too.
pub(super) async fn delete(family: Family, data: &str) -> Result<Answer, Answer> {
    let wanted: DeleteArguments = arguments(data)?;
    valid::name("username", &wanted.username)?;
    require_root("deluser")?;
    if !wanted.purge_home {
        let name = wanted.username.clone();
        tokio::task::spawn_blocking(move || set_home_aside(Path::new(HOMES), &name))
            .await
            .map_err(|_| Answer::failed("setting the home aside failed"))??;
    }
    let program = by_family(family, "/usr/sbin/deluser", "/usr/sbin/userdel");
    let purge = by_family(family, "--remove-home", "-r");
    let arguments: &[&str] = if wanted.purge_home {
        &[purge, &wanted.username]
    } else {
        &[&wanted.username]
    };
    Ok(tool::run(program, arguments, DELETE_TIMEOUT).await)
}

/// Moves `<homes>/<name>` to `<homes>/deleted_users/<name>_<time>`, owned by root.
fn set_home_aside(homes: &Path, name: &str) -> Result<PathBuf, Answer> {
    let home = homes.join(name);
    let kept = homes.join("deleted_users");
    let stamp = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let target = kept.join(format!("{name}_{stamp}"));
    let failed = |error: std::io::Error| {
        Answer::failed(format!(
            "{} cannot be set aside, so user {name} stays: {error}",
            home.display()
        ))
    };
    create_folder(&kept, 0o700).map_err(failed)?;
    std::fs::rename(&home, &target).map_err(failed)?;
    if nix::unistd::geteuid().is_root() {
        chown(&target, Some(0), Some(0)).map_err(failed)?;
    }
    Ok(target)
}

/// Changes a user's comment and supplementary groups.
pub(super) async fn modify(data: &str) -> Result<Answer, Answer> {
    let wanted: ModifyArguments = arguments(data)?;
    valid::name("username", &wanted.username)?;
    valid::required("comment", &wanted.comment)?;
    valid::text("comment", &wanted.comment)?;
    let groups = wanted
        .groupnames
        .ok_or_else(|| Answer::failed("groupnames: is required"))?;
    for group in &groups {
        valid::name("groupnames", group)?;
    }
    require_root("moduser")?;
    let list = groups.join(",");
    let mut arguments = vec!["--comment", wanted.comment.as_str()];
    if !groups.is_empty() {
        arguments.extend(["-G", list.as_str()]);
    }
    arguments.push(&wanted.username);
    Ok(tool::run("/usr/sbin/usermod", &arguments, TIMEOUT).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add_arguments(data: &serde_json::Value) -> AddArguments {
        serde_json::from_value(data.clone()).unwrap()
    }

    fn kim() -> serde_json::Value {
        serde_json::json!({
            "username": "kim", "uid": 1001, "gid": 1001, "comment": "Kim",
            "home_directory": "/home/kim", "shell": "/bin/bash", "groupname": "kim",
        })
    }

    #[test]
    fn builds_the_tools_arguments() {
        let (program, arguments) = add_arguments(&kim()).creation(Family::Debian);
        assert_eq!(program, "/usr/sbin/adduser");
        assert_eq!(
            arguments.join(" "),
            "--home /home/kim --shell /bin/bash --uid 1001 --gid 1001 --gecos Kim \
             --disabled-password kim"
        );
        let (program, arguments) = add_arguments(&kim()).creation(Family::Rhel);
        assert_eq!(program, "/usr/sbin/useradd");
        assert_eq!(
            arguments.join(" "),
            "--home-dir /home/kim --shell /bin/bash --uid 1001 --gid 1001 --comment Kim \
             --create-home kim"
        );
    }

    #[test]
    fn a_service_account_may_lack_numbers() {
        let mut data = kim();
        data["uid"] = 0.into();
        data["gid"] = 0.into();
        assert!(add_arguments(&data).check().is_err());
        data["is_service_account"] = true.into();
        data["home_directory"] = "".into();
        let wanted = add_arguments(&data);
        assert!(wanted.check().is_ok());
        let (_, arguments) = wanted.creation(Family::Debian);
        assert!(arguments.join(" ").contains("--ingroup kim"));
    }

    #[tokio::test]
    async fn says_what_is_wrong() {
        let refused = add(Family::Debian, "{\"username\":\"-x\"}")
            .await
            .unwrap_err();
        assert_eq!(refused.exit_code, 1);
        assert!(refused.result.contains("username"), "{}", refused.result);
        let refused = modify("{\"username\":\"kim\",\"comment\":\"c\"}")
            .await
            .unwrap_err();
        assert!(refused.result.contains("groupnames"), "{}", refused.result);
        let refused = add(Family::Debian, "{\"uid\":-1}").await.unwrap_err();
        assert!(
            refused.result.contains("cannot be understood"),
            "{}",
            refused.result
        );
    }

    #[test]
    fn a_home_is_set_aside_or_the_user_stays() {
        let homes = tempfile::tempdir().unwrap();
        std::fs::create_dir(homes.path().join("kim")).unwrap();
        let target = set_home_aside(homes.path(), "kim").unwrap();
        assert!(target.is_dir() && !homes.path().join("kim").exists());
        let refused = set_home_aside(homes.path(), "kim").unwrap_err();
        assert!(
            refused.result.contains("user kim stays"),
            "{}",
            refused.result
        );
    }
}

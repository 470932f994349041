//! Lines that carry a credential, and lines that only look like it.

use super::find;
use crate::Plan;

#[test]
fn finds_credentials() {
    for line in [
        "mysql -u root -phunter2",
        "mysql -uroot --password=hunter2 db",
        "mysqldump -phunter2 db > x.sql",
        "PGPASSWORD=hunter2 psql -h db",
        "export PGPASSWORD=hunter2",
        "DB_PASSWORD='hunter2' ./run",
        "env API_TOKEN=hunter2 ./run",
        "docker run -e DB_PASSWORD=hunter2 app",
        "docker run -eDB_PASSWORD=hunter2 app",
        "docker run --env=DB_PASSWORD=hunter2 app",
        "docker login -u me -p hunter2",
        "sshpass -p hunter2 ssh host",
        "sshpass -phunter2 ssh host",
        "curl -u me:hunter2 https://x",
        "curl --user=me:hunter2 https://x",
        "curl https://me:hunter2@x.example/a",
        "git clone https://me:hunter2@x.example/a.git",
        "git clone https://:hunter2@x.example/a.git",
        "psql postgres://me:hunter2@db/prod",
        "DATABASE_URL=postgres://me:hunter2@db/prod ./run",
        "mongosh -u me -p hunter2",
        "redis-cli -a hunter2 ping",
        "curl -H 'Authorization: Bearer hunter2' https://x",
        "curl -H \"X-Api-Key: hunter2\" https://x",
        "tool --api-key hunter2",
        "tool --token=hunter2",
        "vault login --password hunter2",
        "openssl rsa -passin pass:hunter2 -in key",
        "htpasswd -bc file me hunter2",
        "sudo mysql -phunter2",
        "bash -c 'mysql -phunter2'",
        "echo $(mysql -phunter2)",
        "7z x -phunter2 a.7z",
        "me:hunter2@host.example",
        r"echo 'me:\n2@host.example'",
        r"printf 'https://me:\n\t@host.example'",
    ] {
        let finding = find(&Plan::read(line));
        let Some(finding) = finding else {
            panic!("{line} passed")
        };
        assert!(!finding.to_string().contains("hunter2"), "{finding}");
        assert!(!format!("{finding:?}").contains("hunter2"), "{finding:?}");
    }
}

#[test]
fn passes_ordinary_lines() {
    for line in [
        "mkdir -p dir/a",
        "ssh -p 22 host",
        "ssh -p22 host",
        "scp -P 22 a host:b",
        "cp -p a b",
        "docker run -p 80:80 nginx",
        "docker run -p80:80 nginx",
        "docker-compose -p name up",
        "psql -p 5432 -h db",
        "pg_dump -p 5432 db",
        "mysql -u root -p",
        "mysql --password db",
        "mysql -P 3306",
        "mysql -p\"$MYSQL_PW\"",
        "PGPASSWORD=\"$PW\" psql",
        "PGPASSWORD=$(cat /run/secret) psql",
        "export DB_PASSWORD",
        "docker run -e DB_PASSWORD app",
        "docker run --password-file=/run/secret app",
        "tool --password-file /run/secret",
        "tool --token \"$TOKEN\"",
        "curl -u me https://x",
        "curl -u \"me:$PW\" https://x",
        "curl https://x.example/a@b:c",
        "git clone git@github.com:o/r.git",
        "rsync -a a me@host:/b",
        "docker pull app:1.2@sha256:0123",
        "docker pull registry:5000/app@sha256:0123",
        "curl -H 'Accept: text/html' https://x",
        "curl -H \"Authorization: Bearer $TOKEN\" https://x",
        "echo PASSWORD=",
        "PWD=/tmp ls",
        "grep -r password .",
        "grep 'password=' file",
        "passwd alice",
        "aws s3api list --starting-token abc",
        "openssl rsa -passin env:PW -in key",
        "tar -xpf a.tar",
        "ps -p 42",
        "netstat -p",
        "kill -p 4",
        "ls -la --color=auto",
        "tool --no-password",
        "systemctl restart nginx",
        "date +%H:%M@%S",
        r"printf 'a:\n\t@echo'",
        r"printf 'all:dep\n\t@echo done\n\t-@rm x\n' > Makefile",
    ] {
        assert_eq!(find(&Plan::read(line)), None, "{line}");
    }
}

#[test]
fn looks_into_lines_that_do_not_parse() {
    assert!(find(&Plan::read("mysql -phunter2 'x")).is_some());
}

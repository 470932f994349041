//! No process holds content in memory, however large it is and however slowly it is
//! read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use super::{scene, status, succeeded};

const SIZE: u64 = 200 * 1024 * 1024;
/// Above what a process had before.
const ALLOWANCE_KIB: u64 = 32 * 1024;

/// The peak of each process that was started for this system, in KiB.
fn peaks(folder: &Path) -> Vec<(String, u64)> {
    let folder = folder.to_str().unwrap();
    let mut peaks = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let command = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        if !command.contains(folder) {
            continue;
        }
        let status = String::from_utf8_lossy(&read("status")).into_owned();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
        if let Some(peak) = peak {
            let program = command.split(' ').next().unwrap_or_default().to_owned();
            peaks.push((program, peak));
        }
    }
    peaks.sort();
    peaks
}

#[test]
fn a_large_file_and_a_reader_that_does_not_read_cost_no_memory() {
    let scene = scene();
    // A small one first, so that everything that is loaded once is there.
    std::fs::write(scene.path("small"), "small").unwrap();
    succeeded(&scene.download(&scene.path("small"), "file").0);
    let before = peaks(scene.system.folder());
    assert_eq!(before.len(), 2, "{before:?}");

    let file = std::fs::File::create(scene.path("large")).unwrap();
    file.set_len(SIZE).unwrap();
    let created = scene.ask(&scene.path("large"), "file").expect(201);
    let link = created.text_at("/download_url");
    let (authority, path) = link
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut stalled = TcpStream::connect(authority).unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stalled.write_all(request.as_bytes()).unwrap();
    // The host sends all of it; nobody reads yet.
    succeeded(&status(&scene.api, "downloads", &created.text_at("/id")));
    let mut buffer = vec![0; 1024 * 1024];
    let mut read = 0;
    loop {
        match stalled.read(&mut buffer).unwrap() {
            0 => break,
            count => read += count as u64,
        }
    }
    assert!(read >= SIZE, "only {read} bytes came");
    let after = peaks(scene.system.folder());
    for ((program, before), (_, after)) in before.iter().zip(&after) {
        let grown = after.saturating_sub(*before);
        assert!(grown < ALLOWANCE_KIB, "{program} grew by {grown} KiB");
    }
}

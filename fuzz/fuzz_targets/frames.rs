//! No panic and no endless loop on any bytes, wherever they are cut, and the same
//! frames come out of every cut.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mux::frame::{Decoder, Event, Version};

/// Events, with the pieces of a stream's data that follow each other joined.
fn read(version: Version, bytes: &[u8], cut: usize) -> (Vec<Event>, bool) {
    let mut decoder = Decoder::new(version, version == Version::V2);
    let mut events: Vec<Event> = Vec::new();
    for piece in bytes.chunks(cut) {
        let mut input = Bytes::copy_from_slice(piece);
        loop {
            match decoder.next(&mut input) {
                Err(_) => return (events, false),
                Ok(None) => break,
                Ok(Some(Event::Data(stream, data))) => {
                    assert!(!data.is_empty());
                    if let Some(Event::Data(last, before)) = events.last_mut()
                        && *last == stream
                    {
                        *before = [&before[..], &data[..]].concat().into();
                    } else {
                        events.push(Event::Data(stream, data));
                    }
                }
                Ok(Some(event)) => events.push(event),
            }
        }
        assert!(input.is_empty());
    }
    (events, true)
}

fuzz_target!(|input: (bool, u8, Vec<u8>)| {
    let (second, cut, bytes) = input;
    let version = if second { Version::V2 } else { Version::V1 };
    let whole = read(version, &bytes, bytes.len().max(1));
    let cut = read(version, &bytes, usize::from(cut).max(1));
    assert_eq!(whole, cut);
});

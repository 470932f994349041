//! One user at a terminal, by the contract's protocol: plain bytes both ways
//! (`realtime-client.md` §4).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::terminal::MAX_DATA;
use protocol::websh::close;
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::hub::{Event, Live, Place, Role};
use super::screen::{Piece, State};

/// Most that is sent at once.
const PIECE: usize = 16 * 1024;
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Silence after which a user is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// Who takes longer for one message is cut off; the owner may stop for a while, and the
/// terminal with them.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
const OWNER_WRITE_TIMEOUT: Duration = Duration::from_secs(3600);
/// At the end, what is left has this long to go out.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves one user until either side ends it.
pub(super) async fn serve(live: Arc<Live>, place: Place, socket: WebSocket) {
    let cut = live.enter(&place);
    let came = Event::Came {
        role: place.role,
        read_only: place.read_only,
    };
    if live.events.send(came).await.is_ok() {
        let (sink, stream) = socket.split();
        let heard = watch::Sender::new(Instant::now());
        let code = tokio::select! {
            code = show(&live, &place, sink, heard.subscribe(), &cut) => code,
            () = listen(&live, &place, stream, &heard) => None,
        };
        tracing::debug!(session = %live.bond.id, role = ?place.role, ?code, "a user is gone");
    }
    live.leave(place.channel);
    if place.role == Role::Owner {
        live.screen.owner_at(None);
    }
    let left = Event::Left {
        role: place.role,
        read_only: place.read_only,
    };
    // The session may have ended meanwhile.
    let _over = live.events.send(left).await;
}

/// Passes what is typed on, no faster than the host takes it. What those type who may
/// only look is dropped here.
async fn listen(
    live: &Live,
    place: &Place,
    mut stream: SplitStream<WebSocket>,
    heard: &watch::Sender<Instant>,
) {
    loop {
        let mut bytes: Bytes = match stream.next().await {
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Text(text))) => text.into(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Bytes::new(),
            // Public clients end without a close.
            Some(Ok(Message::Close(_)) | Err(_)) | None => return,
        };
        heard.send_replace(Instant::now());
        if place.read_only {
            continue;
        }
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(MAX_DATA));
            if live.input.send(piece).await.is_err() {
                // The session has ended; the other half says so.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Shows what the terminal shows; the code that it ended with, if it could be told.
async fn show(
    live: &Live,
    place: &Place,
    mut sink: SplitSink<WebSocket, Message>,
    heard: watch::Receiver<Instant>,
    cut: &CancellationToken,
) -> Option<u16> {
    let mut state = live.screen.follow();
    let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
    let mut cursor = match place.role {
        Role::Owner => 0,
        _ => live.screen.recent(),
    };
    let limit = match place.role {
        Role::Owner => OWNER_WRITE_TIMEOUT,
        _ => WRITE_TIMEOUT,
    };
    loop {
        let end = state.borrow_and_update().end;
        match live.screen.read(cursor, PIECE) {
            Piece::Skipped(to) => {
                cursor = to;
                continue;
            }
            Piece::Bytes(bytes) => {
                cursor += bytes.len() as u64;
                let sent = sink.send(Message::Binary(bytes));
                let sent = tokio::select! {
                    sent = timeout(limit, sent) => matches!(sent, Ok(Ok(()))),
                    () = cut.cancelled() => false,
                    () = over(&mut state) => false,
                };
                if !sent {
                    return None;
                }
                if place.role == Role::Owner {
                    live.screen.owner_at(Some(cursor));
                }
                continue;
            }
            Piece::Nothing => {}
        }
        if let Some(end) = end {
            return farewell(&mut sink, end).await;
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return None },
            _ = pings.tick() => {
                let is_gone = heard.borrow().elapsed() > SILENCE;
                let ping = sink.send(Message::Ping(Bytes::new()));
                if is_gone || !matches!(timeout(WRITE_TIMEOUT, ping).await, Ok(Ok(()))) {
                    return None;
                }
            }
            () = cut.cancelled() => {
                close_with(&mut sink, close::POLICY).await;
                return Some(close::POLICY);
            }
        }
    }
}

/// The terminal has ended, and a message that is on its way has had its time.
async fn over(state: &mut watch::Receiver<State>) {
    drop(state.wait_for(|state| state.end.is_some()).await);
    tokio::time::sleep(FAREWELL).await;
}

async fn farewell(sink: &mut SplitSink<WebSocket, Message>, end: End) -> Option<u16> {
    if let Some(words) = end.farewell() {
        let words = Bytes::from(format!("\r\n[alpacon] {words}\r\n"));
        let _late = timeout(FAREWELL, sink.send(Message::Binary(words))).await;
    }
    close_with(sink, end.close_code()).await;
    Some(end.close_code())
}

async fn close_with(sink: &mut SplitSink<WebSocket, Message>, code: u16) {
    let frame = CloseFrame {
        code,
        reason: Utf8Bytes::default(),
    };
    let _late = timeout(FAREWELL, sink.send(Message::Close(Some(frame)))).await;
}

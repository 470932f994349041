//! One async runtime for all helpers, so that tests stay plain functions.

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime::Runtime;

use crate::OrFail;
use crate::patience::patience;

/// Runs `future` to its end, for at most [`patience`].
#[track_caller]
pub(crate) fn block_on<T>(what: &str, future: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .or_fail("start a runtime")
    });
    runtime
        .block_on(async { tokio::time::timeout(patience(), future).await })
        .or_fail(what)
}

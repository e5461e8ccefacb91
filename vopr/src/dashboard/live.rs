//! Live updates of open pages: the part of the overview that changes, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch::Sender;

use crate::dashboard::Dashboard;
use crate::dashboard::pages::overview;

/// The interval at which the directory is checked while a page is open.
const EVERY: Duration = Duration::from_secs(1);
/// The maximum number of pages that get updates.
const WATCHERS_MAX: usize = 64;

/// The newest content of the overview; empty while no page is open.
#[derive(Default)]
pub struct Live(Sender<Arc<str>>);

/// Checks the directory repeatedly.
pub async fn watch(dashboard: Arc<Dashboard>) {
    let Live(sender) = &dashboard.live;
    loop {
        tokio::time::sleep(EVERY).await;
        if sender.receiver_count() == 0 {
            sender.send_replace("".into());
            continue;
        }
        let shared = dashboard.clone();
        let text = tokio::task::spawn_blocking(move || {
            let data = shared.store.read().ok()?;
            Some(overview::changing(&data, overview::now()).into_string())
        });
        // If the directory cannot be read, no update is sent. The page shows the error when it is loaded again.
        if let Ok(Some(text)) = text.await {
            sender.send_if_modified(|last| {
                let differs = **last != *text;
                if differs {
                    *last = text.into();
                }
                differs
            });
        }
    }
}

/// The stream of updates.
pub async fn events(State(dashboard): State<Arc<Dashboard>>) -> Response {
    let Live(sender) = &dashboard.live;
    if sender.receiver_count() >= WATCHERS_MAX {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response();
    }
    let mut receiver = sender.subscribe();
    // The current content may be newer than the page of this client.
    receiver.mark_changed();
    let events = stream::unfold(receiver, |mut receiver| async move {
        loop {
            receiver.changed().await.ok()?;
            let text = receiver.borrow_and_update().clone();
            if !text.is_empty() {
                return Some((Ok::<_, Infallible>(Event::default().data(text)), receiver));
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

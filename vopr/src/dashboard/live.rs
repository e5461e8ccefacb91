//! What open pages are told: the part of the overview that changes, whenever it does, as server-sent events.

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

/// How often the directory is looked at, as long as anybody watches.
const EVERY: Duration = Duration::from_secs(1);
/// No more pages than this are told.
const WATCHERS_MAX: usize = 64;

/// The newest state of the overview; empty while nobody watches.
#[derive(Default)]
pub struct Live(Sender<Arc<str>>);

/// Looks at the directory again and again.
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
        // A directory that cannot be read is nothing to tell of: the page says so when it is loaded again.
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

/// The stream of changes.
pub async fn events(State(dashboard): State<Arc<Dashboard>>) -> Response {
    let Live(sender) = &dashboard.live;
    if sender.receiver_count() >= WATCHERS_MAX {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response();
    }
    let mut receiver = sender.subscribe();
    // What others were told may be newer than the page that asks.
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

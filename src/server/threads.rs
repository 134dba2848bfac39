//! Threads for connections, each with a runtime of its own: a connection stays on the thread that it was given.
//!
//! On a runtime of several threads, whichever finds a command wakes another thread to help with it, which mostly comes
//! too late and goes to sleep again: a seventh of what a short SELECT costs with 8 clients. Statements that may run long
//! are not carried out on these threads, so that nobody waits for another's.

use std::{future::Future, io, sync::Arc, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::{AbortHandle, JoinSet},
};

/// Bytes of stack of a thread that carries out statements, which may be deeply nested.
pub const STACK_BYTES: usize = 8 * 1024 * 1024;

/// The threads. They end with this value, and what still runs on them is cut off.
pub(super) struct ConnectionThreads(Vec<ConnectionThread>);

struct ConnectionThread {
    runtime: Handle,
    /// Held by this and by each connection.
    connections: Arc<()>,
    _stop: oneshot::Sender<()>,
}

impl ConnectionThreads {
    /// Starts a thread for each processor.
    pub fn start() -> io::Result<Self> {
        Self::start_some(thread::available_parallelism().map_or(1, usize::from))
    }

    fn start_some(count: usize) -> io::Result<Self> {
        (0..count).map(|_| ConnectionThread::start()).collect::<io::Result<_>>().map(ConnectionThreads)
    }

    /// Runs one more task of `tasks` on the thread that has the fewest.
    pub fn spawn(
        &self,
        tasks: &mut JoinSet<()>,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> AbortHandle {
        let least = self.0.iter().min_by_key(|thread| Arc::strong_count(&thread.connections));
        let Some(thread) = least else { return tasks.spawn(task) };
        let counted = Arc::clone(&thread.connections);
        let task = async move {
            task.await;
            drop(counted);
        };
        tasks.spawn_on(task, &thread.runtime)
    }
}

impl ConnectionThread {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().thread_stack_size(STACK_BYTES).build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        };
        thread::Builder::new().name("connections".into()).stack_size(STACK_BYTES).spawn(run)?;
        Ok(ConnectionThread { runtime: handle, connections: Arc::default(), _stop: stop })
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, thread::ThreadId};

    use tokio::sync::mpsc;

    use super::*;

    /// One more connection, open until the value that is returned is dropped; and its thread.
    async fn connect(
        threads: &ConnectionThreads,
        tasks: &mut JoinSet<()>,
    ) -> (oneshot::Sender<()>, ThreadId) {
        let (close, closed) = oneshot::channel();
        let (tell, mut told) = mpsc::channel(1);
        threads.spawn(tasks, async move {
            tell.send(thread::current().id()).await.unwrap();
            let _ = closed.await;
        });
        (close, told.recv().await.unwrap())
    }

    #[tokio::test]
    async fn a_connection_goes_to_the_thread_that_has_the_fewest() {
        let threads = ConnectionThreads::start_some(3).unwrap();
        let mut tasks = JoinSet::new();
        let mut open = Vec::new();
        for _ in 0..6 {
            open.push(connect(&threads, &mut tasks).await);
        }
        let mut connections = BTreeMap::new();
        open.iter().for_each(|(_, thread)| *connections.entry(format!("{thread:?}")).or_insert(0) += 1);
        assert_eq!(connections.into_values().collect::<Vec<_>>(), [2, 2, 2]);
        for gone in [4, 0, 2] {
            let (close, left) = open.swap_remove(gone);
            drop(close);
            tasks.join_next().await.unwrap().unwrap();
            open.push(connect(&threads, &mut tasks).await);
            assert_eq!(open.last().unwrap().1, left);
        }
    }

    #[tokio::test]
    async fn what_panics_leaves_room_and_the_end_cuts_off_the_rest() {
        let threads = ConnectionThreads::start_some(2).unwrap();
        let mut tasks = JoinSet::new();
        let (_first, busy) = connect(&threads, &mut tasks).await;
        threads.spawn(&mut tasks, async { panic!("a connection that panics, as it should") });
        assert!(tasks.join_next().await.unwrap().unwrap_err().is_panic());
        let (_second, free) = connect(&threads, &mut tasks).await;
        assert_ne!(free, busy);
        drop(threads);
        while let Some(ended) = tasks.join_next().await {
            assert!(ended.unwrap_err().is_cancelled());
        }
    }
}

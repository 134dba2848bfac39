//! Threads for connections, each with a runtime of its own: a connection stays on the thread that it was given.
//!
//! On a runtime of several threads, whichever finds a command wakes another thread to help with it, which mostly comes
//! too late and goes to sleep again: a fifth of what a short SELECT costs. Statements that may run long are not carried
//! out on these threads, so that nobody waits for another's.

use std::{future::Future, io, sync::Arc, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::{AbortHandle, JoinSet},
};

/// Bytes of stack of a thread that carries out statements, which may be deeply nested.
pub const STACK: usize = 8 * 1024 * 1024;

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
        let count = thread::available_parallelism().map_or(1, usize::from);
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
        let runtime = Builder::new_current_thread().enable_all().thread_stack_size(STACK).build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        };
        thread::Builder::new().name("connections".into()).stack_size(STACK).spawn(run)?;
        Ok(ConnectionThread { runtime: handle, connections: Arc::default(), _stop: stop })
    }
}

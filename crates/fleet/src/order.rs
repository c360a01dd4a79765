//! What handles and operators ask of the task of a link, of whichever store.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tower_circuit_breaker::fleet::{
    Fleet, FleetCommand, FleetLink, FleetLook, FleetOrder, FleetUnreachable,
};

/// What the task is asked; commands that fail do so with `E`.
#[derive(Debug)]
pub enum Order<E> {
    /// Tell me when everything has been read, from now on.
    Ready(oneshot::Sender<()>),
    /// Somebody looks at the fleet.
    Look,
    /// Give this to all processes, and tell me what has become of it.
    Command { circuit: Arc<str>, order: FleetOrder, done: oneshot::Sender<Result<(), E>> },
}

/// What a link shows of itself.
pub trait Insight: Send + Sync {
    /// As [`Fleet::link`].
    fn link(&self) -> Option<FleetLink>;

    /// The last reading, as [`Fleet::look`].
    fn look(&self) -> Option<FleetLook>;
}

/// The way of a registry's operators to the task, and of its metrics to what that shows. It does not
/// keep the link.
#[derive(Debug)]
pub struct Operators<E, S> {
    orders: mpsc::WeakSender<Order<E>>,
    stopped: fn() -> E,
    shown: S,
}

/// Waits until the task has read everything, or has stopped.
pub async fn ready<E>(orders: &mpsc::Sender<Order<E>>) {
    let (done, ready) = oneshot::channel();
    if orders.send(Order::Ready(done)).await.is_ok() {
        let _ = ready.await;
    }
}

/// Gives a command to the task, and waits for what has become of it.
///
/// # Errors
///
/// Those of the task, and `stopped` where there is none.
pub async fn give<E>(
    orders: mpsc::Sender<Order<E>>,
    circuit: Arc<str>,
    order: FleetOrder,
    stopped: fn() -> E,
) -> Result<(), E> {
    let (done, answer) = oneshot::channel();
    let order = Order::Command { circuit, order, done };
    orders.send(order).await.map_err(|_| stopped())?;
    answer.await.unwrap_or_else(|_| Err(stopped()))
}

impl<E, S> Operators<E, S> {
    /// The way to whoever receives what `orders` sends; `stopped` says that there is nobody.
    pub fn new(orders: &mpsc::Sender<Order<E>>, stopped: fn() -> E, shown: S) -> Self {
        Self { orders: orders.downgrade(), stopped, shown }
    }
}

impl<E, S> Fleet for Operators<E, S>
where
    E: Display + Send + 'static,
    S: Insight,
{
    fn command(
        &self,
        circuit: Arc<str>,
        command: FleetCommand,
    ) -> Pin<Box<dyn Future<Output = Result<(), FleetUnreachable>> + Send + Sync>> {
        self.order(circuit, FleetOrder::new(command))
    }

    fn order(
        &self,
        circuit: Arc<str>,
        order: FleetOrder,
    ) -> Pin<Box<dyn Future<Output = Result<(), FleetUnreachable>> + Send + Sync>> {
        let (orders, stopped) = (self.orders.upgrade(), self.stopped);
        Box::pin(async move {
            let given = match orders {
                Some(orders) => give(orders, circuit, order, stopped).await,
                None => Err(stopped()),
            };
            given.map_err(|error| FleetUnreachable::new(error.to_string()))
        })
    }

    fn look(&self) -> Option<FleetLook> {
        // Where the task has too much to do it is asked again by the next look.
        if let Some(orders) = self.orders.upgrade() {
            let _ = orders.try_send(Order::Look);
        }
        self.shown.look()
    }

    fn link(&self) -> Option<FleetLink> {
        self.shown.link()
    }
}

/// A link that shows nothing.
impl Insight for () {
    fn link(&self) -> Option<FleetLink> {
        None
    }

    fn look(&self) -> Option<FleetLook> {
        None
    }
}

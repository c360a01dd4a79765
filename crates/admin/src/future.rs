//! The future of the service.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::sync::Semaphore;
use tokio::time::Sleep;

use crate::attempts::{DELAY, Held};
use crate::body::AdminBody;
use crate::command_request::{CommandRequest, Executed, InProgress};
use crate::dispatch::Work;
use crate::problem::Problem;
use crate::read_body::{BoxError, ReadBody};
use crate::respond;

pin_project! {
    /// The response future of [`Admin`](super::Admin).
    ///
    /// Dropping it before the body of a command has come leaves the command undone; one to a fleet
    /// goes on once it is on its way there, and that it has failed is still written into the audit.
    pub struct AdminFuture<B> {
        #[pin]
        state: State<B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<B> {
        Ready { response: Option<Response<AdminBody>> },
        Reading { request: Option<CommandRequest>, #[pin] body: ReadBody<B> },
        InProgress { answer: InProgress },
        Held { response: Option<Response<AdminBody>>, #[pin] delay: Sleep, _place: Held },
    }
}

impl<B> AdminFuture<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    pub(crate) fn ready(response: Response<AdminBody>) -> Self {
        Self { state: State::Ready { response: Some(response) } }
    }

    /// The answer to a problem; one that is held back comes late.
    pub(crate) fn problem(mut problem: Problem) -> Self {
        let place = problem.held.take();
        let response = respond::problem(problem);
        let Some(place) = place else { return Self::ready(response) };
        let delay = tokio::time::sleep(DELAY);
        Self { state: State::Held { response: Some(response), delay, _place: place } }
    }

    /// The answer that `work` makes, apart from the threads on which the server does everything else: a
    /// few at a time, and none for a caller that has left.
    pub(crate) fn work(work: Work, places: Arc<Semaphore>) -> Self {
        let answer: InProgress = Box::pin(async move {
            let place = places.acquire_owned().await;
            let done = tokio::task::spawn_blocking(move || {
                let answer = work();
                drop(place);
                answer
            });
            done.await.unwrap_or_else(|_| Err(Problem::broken()))
        });
        Self { state: State::InProgress { answer } }
    }

    pub(crate) fn read(request: CommandRequest, body: B) -> Self {
        Self { state: State::Reading { request: Some(request), body: ReadBody::new(body) } }
    }
}

impl<B> Future for AdminFuture<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<AdminBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let executed = match state.as_mut().project() {
                StateProj::Ready { response } => {
                    return Poll::Ready(Ok(response.take().expect("polled after completion")));
                }
                StateProj::Held { response, delay, .. } => {
                    ready!(delay.poll(cx));
                    return Poll::Ready(Ok(response.take().expect("polled after completion")));
                }
                StateProj::Reading { request, body } => {
                    let body = ready!(body.poll_read(cx));
                    let request = request.take().expect("polled after completion");
                    body.and_then(|body| request.execute(&body))
                }
                StateProj::InProgress { answer } => {
                    ready!(answer.as_mut().poll(cx)).map(Executed::Done)
                }
            };
            state.set(match executed {
                Ok(Executed::Done(response)) => State::Ready { response: Some(response) },
                Ok(Executed::InProgress(answer)) => State::InProgress { answer },
                Err(problem) => State::Ready { response: Some(respond::problem(problem)) },
            });
        }
    }
}

impl<B> fmt::Debug for AdminFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminFuture").finish_non_exhaustive()
    }
}

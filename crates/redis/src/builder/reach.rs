//! How the fleet's Redis is reached.

use crate::builder::RedisSyncBuilder;

impl RedisSyncBuilder {
    /// Trusts servers whose certificate was signed by this one, in PEM form, instead of those that
    /// the system trusts. For `rediss://`.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.places.root_certificate = Some(pem.into());
        self
    }

    /// Logs in to Sentinels as `user` with `password`. Default: without a login.
    ///
    /// Sentinels have users of their own; the login in the URL is that of the primary. Where they know
    /// a password alone (`requirepass`), `user` is empty. Such a user needs
    /// `+sentinel|get-master-addr-by-name`, and nothing else. Ignored for other URLs.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker_redis::RedisSync;
    ///
    /// let url = "redis+sentinel://web:one-secret@sentinel-1,sentinel-2/payments";
    /// let builder = RedisSync::builder(url).sentinel_login("watcher", "another-secret");
    /// # let _ = builder;
    /// ```
    pub fn sentinel_login(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.places.sentinel_login = Some([user.into(), password.into()]);
        self
    }
}

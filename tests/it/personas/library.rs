//! A library with `impl Layer` in its API, and a program that uses it.

#![expect(unreachable_pub, reason = "it stands for a library of its own")]
#![expect(clippy::print_stdout, reason = "the program tells what happens")]

include!("../../../src/guide/programs/library.rs");

/// The program asserts what its callers see: an answer, three failures, and rejections.
#[test]
fn a_program_puts_its_own_layers_around_the_guard_of_a_library() {
    main().unwrap();
}

/// What is given to two layers trips together, and is the caller's to look at.
#[tokio::test]
async fn clients_of_one_shop_share_the_circuit_that_the_caller_gave() {
    let down = service_fn(|_: u32| async {
        Err::<String, _>(shop::ShopError::Failed(io::ErrorKind::ConnectionReset.into()))
    });
    let circuit = shop::circuit("shop");
    let [one, other] = [circuit.clone(), circuit.clone()]
        .map(|circuit| ServiceBuilder::new().layer(shop::client_layer(circuit)).service(down));

    for _ in 0..3 {
        let error = one.clone().oneshot(1).await.unwrap_err();
        assert!(matches!(error, shop::ShopError::Failed(_)), "{error:?}");
    }

    let error = other.oneshot(1).await.unwrap_err();
    let shop::ShopError::Unavailable { retry_after } = error else { panic!("{error:?}") };
    assert!(retry_after.unwrap() <= Duration::from_secs(30), "{retry_after:?}");
    assert_eq!(circuit.snapshot().totals.rejected, 1);
}

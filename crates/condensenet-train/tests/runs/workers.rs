use condensenet_train::RunOptions;

use crate::support::{
    Tensors, alone, assert_same, begin, config, options, recipe, train_with, weights,
};

#[test]
fn the_number_of_workers_does_not_change_a_weight() {
    let _alone = alone();
    let trained = [0, 1, 3].map(|workers| -> Tensors {
        let (_root, run) = begin(config(recipe(2)));
        let options = RunOptions {
            workers,
            ..options()
        };
        weights(&train_with(&run, &options).unwrap().network)
    });
    assert_same(&trained[0], &trained[1]);
    assert_same(&trained[0], &trained[2]);
}

use std::fs;

use condensenet_train::{
    LearningRateSchedule, RunData, TrainError, data::Normalisation, read_metrics,
};

use crate::support::{
    alone, begin, config, data, epochs, files, latest, options, recipe, resume, train,
};

/// A learning rate that is sound for half of the training and absurd after it.
fn exploding() -> LearningRateSchedule {
    LearningRateSchedule::Multistep {
        milestones: vec![0.5],
        factor: 1e38,
    }
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_says_where() {
    let _alone = alone();
    let (_root, run) = begin(config(recipe(4).with_schedule(exploding())));
    let error = train(&run).unwrap_err();
    let TrainError::NonFiniteLoss {
        loss,
        step,
        epoch,
        learning_rate,
    } = error
    else {
        panic!("{error}");
    };
    assert!(!loss.is_finite());
    // Two epochs of six steps are sound, and the first absurd step ends with a finite loss.
    assert!((13..18).contains(&step), "step {step}");
    assert_eq!(epoch, 3);
    assert_eq!(learning_rate, 0.1 * 1e38);
    let message = error.to_string();
    for part in [
        &format!("step {step}"),
        "epoch 3",
        "learning rate 1",
        "untouched",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(read_metrics(&run.metrics_path()).unwrap().len(), 2);
    assert_eq!(epochs(&run), [1, 2]);

    // It fails again, and again leaves the checkpoints as they were.
    let before = files(&run.directory().join("checkpoints"));
    let again = train(&resume(&run).unwrap()).unwrap_err().to_string();
    assert_eq!(again, message);
    assert_eq!(before, files(&run.directory().join("checkpoints")));
    run.load_network(&latest(&run), &options().device).unwrap();
}

#[test]
fn poisoned_images_stop_the_run_at_the_first_step() {
    let _alone = alone();
    let (_root, run) = begin(config(recipe(1)));
    let poisoned = RunData {
        normalisation: Normalisation {
            mean: [f32::NAN; 3],
            ..Normalisation::SYNTHETIC
        },
        ..data(run.config())
    };
    let error = run.train(&poisoned, &options()).unwrap_err();
    assert!(
        matches!(
            error,
            TrainError::NonFiniteLoss {
                step: 0,
                epoch: 1,
                learning_rate: 0.1,
                ..
            }
        ),
        "{error}"
    );
    assert!(epochs(&run).is_empty());
}

#[test]
fn a_checkpoint_that_cannot_be_written_stops_the_run_with_its_path() {
    let _alone = alone();
    // Nobody can make a directory where a file is, or below one, root neither. The second is met after two epochs only.
    for in_the_way in ["checkpoints", "checkpoints/epoch-0002.unfinished"] {
        let (_root, run) = begin(config(recipe(3)));
        let path = run.directory().join(in_the_way);
        if in_the_way != "checkpoints" {
            fs::create_dir(run.directory().join("checkpoints")).unwrap();
        }
        fs::write(&path, b"in the way").unwrap();
        let error = train(&run).unwrap_err();
        assert!(
            matches!(&error, TrainError::Io { path: at, .. } if *at == path),
            "{error:?}"
        );
    }
}

#[test]
fn a_directory_that_vanishes_in_the_course_of_a_run_stops_it_with_an_error() {
    let _alone = alone();
    let (_root, run) = begin(config(recipe(1)));
    fs::remove_dir_all(run.directory()).unwrap();
    fs::write(run.directory(), b"a file now").unwrap();
    let error = train(&run).unwrap_err();
    assert!(matches!(error, TrainError::Io { .. }), "{error:?}");
}

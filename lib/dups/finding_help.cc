#include "dups/finding_help.h"

#include <array>

namespace ckpt {
namespace {

constexpr std::array<std::string_view, 15> kHelp{
    R"(ghost-twin: a second set of variables that was never trained

A scope and a numbered twin have the same names, dtypes and shapes. One was
trained; the other has the values of its initializer, and the optimizer keeps
nothing for it, or slots that were never updated. Moving means and variances
count for neither: a forward pass updates them.

How it comes about: a function that makes variables is called a second time
without reuse, for validation or a second device. Unnamed layers and plain
constructors do not complain; they take the next number.

  before   logits = net(x)                 # dense, dense_1
           check = net(x_test)             # dense_2, dense_3: never trained
  after    with tf.variable_scope('net'):
             logits = net(x)
           with tf.variable_scope('net', reuse=True):
             check = net(x_test)

The file: drop the twin with its slots and averages.
No mistake: a layer that was added and is still frozen looks the same. A single
new layer whose slots are not used yet is no more than possible.
)",
    R"(exact-copy: a second set of variables with the same bytes

How it comes about: a graph was imported into one that was not empty, towers
were copied when they were saved, an export tracked wrapper and variable.

  before   tf.train.import_meta_graph(path)    # after net() was called
  after    tf.reset_default_graph()
           tf.train.import_meta_graph(path)

The file: keep the copy that the optimizer knows, else the plainer name.
No mistake: a target network just after it was synchronised, a teacher that was
just initialised, a restart at step 0. Names that say so are not reported.
)",
    R"(diverged-twin: a second set of the same structure, both trained

How it comes about: towers or siamese branches that were meant to share, made
in two scopes; each was trained by itself. With --near also copies that differ
by a cast or by little.

  before   a = tower(x1); b = tower(x2)        # tower, tower_1
  after    share = tf.make_template('tower', tower)
           a = share(x1); b = share(x2)

The file: nothing in it says which to keep, so that no rule is written, and
nothing is merged or averaged.
No mistake: ensembles, two generators, twin critics, branches without sharing.
)",
    R"(rebuilt-graph: a whole model saved beside itself

All variables have a twin, and so has the step counter or the optimizer's power
of beta.

How it comes about: a program restores a graph, builds the same one again, and
saves both; at each restart the file grows by its own size. Or a notebook cell
is run again.

  before   saver = tf.train.import_meta_graph(path)
           loss = build()
  after    loss = build()
           saver = tf.train.Saver()

The file: keep the set with used slots, else the one with the larger step.
No mistake: two optimizers on one model have two powers of beta and no twins.
)",
    R"(nested-repeat: a scope opened again inside itself

"a/a/x" beside "a/x".

How it comes about: a function opens the scope that its caller has opened.

  before   with tf.variable_scope('net'):
             net(x)                            # opens 'net' again
  after    net(x)

The file: where the inner scope repeats the outer, keep the one that was
trained; where it stands alone, move it out.
No mistake: zero-debias helpers ("bn/bn/moving_mean/biased"), Keras paths
("dense/dense/kernel"), and blocks that are called as what they are in.
)",
    R"(wrapper-prefix: one prefix on all names that a wrapper put there

"module.", "_orig_mod.", "tower_0/".

How it comes about: the state of a wrapper was saved instead of the model's.

  before   torch.save(wrapped.state_dict(), path)
  after    torch.save(wrapped.module.state_dict(), path)

The file: strip the prefix.
No mistake: a module of one's own that is called "module" or "model".
)",
    R"(average-shadow: moving averages kept beside their variables

Legitimate: "x/ExponentialMovingAverage" is there to be used instead of x.

  before   saver = tf.train.Saver()
  after    saver = tf.train.Saver(averages.variables_to_restore())

The file: drop the averages, or give them the variables' names.
No mistake: this is never one; it is told on request.
)",
    R"(orphan-slot: optimizer state without its variable

How it comes about: a variable was renamed or left out when the file was
written and its slots were not; or an optimizer was made a second time, so that
variables have twice the slots that one keeps.

  before   tf.train.Saver([v for v in tf.global_variables() if keep(v)])
  after    the same with keep() asked for the variable that a slot belongs to

The file: drop the slots; no program asks for them.
No mistake: files that hold an optimizer's state alone; two optimizers that
share variables on purpose.
)",
    R"(tied: equal bytes under two names of different roles

An embedding and the layer that turns vectors back to words are often one
tensor; some writers store it twice.

  before   torch.save(model.state_dict(), path)
  after    safetensors.torch.save_model(model, path)    # keeps one, notes the tie

The file: drop one on request, where the loader ties them again.
No mistake: equal now need not be meant to stay equal. Never dropped unasked.
Constants and ramps (positions, counts) are equal by chance, and not told.
)",
    R"(dead-branch: a target, teacher or momentum copy

Legitimate in training, dead weight for use: "target", "teacher", "encoder_k".

  before   saver = tf.train.Saver()
  after    saver = tf.train.Saver(online.variables())    # for use only

The file: drop the branch when training will not be resumed.
No mistake: this is none while training goes on.
)",
    R"(detached-twin: a variable one scope above its twin

"scope/kernel" beside "scope/dense/kernel", of the same shape.

How it comes about: a helper asks for "kernel" in the scope around the layer,
with AUTO reuse, and gets a new variable instead of an error.

  before   w = tf.get_variable('kernel', shape)    # one level too high
  after    with tf.variable_scope('dense', reuse=True):
             w = tf.get_variable('kernel')

The file: drop the outer one; but look at the code first: a loss term, such as
weight decay, was on the wrong tensor.
No mistake: a kernel that layers share on purpose.
)",
    R"(counter-drift: layers whose numbers do not start at the beginning

"dense_37" and no "dense".

How it comes about: layers are numbered for as long as a process lives; the
model was built before, in a notebook or a test.

  before   model = build()
  after    tf.keras.backend.clear_session()
           model = build()

The file: rename the layers to the numbers a fresh process gives.
No mistake: numbers that carry a meaning.
)",
    R"(name-clash: names that cannot live together everywhere

Names that differ in case alone, or a name that is a variable and a scope.

  before   self.w = tf.Variable(v, name='Kernel'); self.k = tf.Variable(u, name='kernel')
  after    self.w = tf.Variable(v, name='outer');  self.k = tf.Variable(u, name='inner')

The file: rename one of them.
No mistake: formats differ in what they can hold; this file holds both.
)",
    R"(replica: copies of a replicated variable

"x/replica_1" beside x, or a first axis with one equal row for each device.

How it comes about: saved from inside the replicated context.

  before   with strategy.scope(): saver.save(...)    # each replica's own
  after    checkpoint = tf.train.Checkpoint(model); checkpoint.save(path)

The file: keep replica 0. Equal rows need a program that cuts tensors.
No mistake: experts are stacked along a first axis too; their rows differ.
)",
    R"(alias: one stored tensor under two names

The file keeps the bytes once and links to them twice. Nothing is wasted.

  before   h5file['b'] = h5file['a']
  after    the same, where both names are wanted

The file: nothing to do.
No mistake: this is none; it is told on request.
)"};
static_assert(kHelp.size() == kFindingCodeCount);

}  // namespace

std::string_view help_of(FindingCode code) { return kHelp[static_cast<std::size_t>(code)]; }

}  // namespace ckpt

"""lists by team.

Generated, then edited and owned; excluded from lint. Revises: 0003
"""

from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('project_by_time', 'project', ['updated_at', 'key'])
    op.create_index('project_of_sandbox', 'project', ['daytona_sandbox_id'])
    op.create_index('team_member_of_user', 'team_member', ['user_id', 'team_id'])
    op.create_index('team_project_of_team', 'team_project', ['team_id', 'project'])


def downgrade() -> None:
    op.drop_index('team_project_of_team', 'team_project')
    op.drop_index('team_member_of_user', 'team_member')
    op.drop_index('project_of_sandbox', 'project')
    op.drop_index('project_by_time', 'project')
